/**
 * Runs a scenario for many seeds, on all cores, and says what came of each.
 *
 *     deno task simulate --seeds N [--from S] [--scenario NAME] [--twice N] [--each-fault N] [--stop] [--jobs N]
 *
 * - `--twice N`: runs the first N seeds a second time; the hashes must be equal.
 * - `--each-fault N`: fails when a kind of fault, of those that the scenario is there for, came less often over all seeds.
 * - `--stop`: stops at the first seed that fails.
 * - `--jobs N`: seeds at a time; as many as there are cores if not said.
 *
 * Its last line is `N passed, N failed`: seeds, and kinds of faults that were too rare.
 *
 * The task gives V8 more room for young objects (`--min-semi-space-size`): a seed makes many that live for a moment, and is
 * a tenth quicker for it.
 *
 * @module
 */
import { DEFAULT_SCENARIO, SCENARIOS } from "../../tests/simulation/scenarios.ts";
import { replayCommand } from "../../tests/simulation/scenario.ts";
import type { SeedResult, SeedTask } from "./simulate_worker.ts";

/** What is asked for. */
interface Options {
  readonly scenario: string;
  readonly from: number;
  readonly seeds: number;
  readonly twice: number;
  readonly eachFault: number;
  readonly jobs: number;
  readonly stop: boolean;
}

const NUMBERS = { "--seeds": 10, "--from": 0, "--twice": 0, "--each-fault": 0, "--jobs": 0 };
/** Of each kind. */
const VIOLATIONS_SHOWN = 5;

/** Reads the command line. Throws a RangeError that says what is wrong with it. */
function parse(args: readonly string[]): Options {
  const numbers: Record<string, number> = { ...NUMBERS };
  let scenario = DEFAULT_SCENARIO;
  let stop = false;
  for (let at = 0; at < args.length; at++) {
    const name = args[at];
    if (name === "--stop") stop = true;
    else if (name === "--scenario") scenario = args[++at];
    else if (name in numbers && /^\d+$/.test(args[at + 1] ?? "")) {
      numbers[name] = Number(args[++at]);
    } else {throw new RangeError(
        `Cannot read "${args.slice(at).join(" ")}": ${Object.keys(NUMBERS)}`,
      );}
  }
  if (!SCENARIOS.has(scenario)) {
    throw new RangeError(
      `No scenario "${scenario}": there are ${[...SCENARIOS.keys()].join(", ")}`,
    );
  }
  return {
    scenario,
    from: numbers["--from"],
    seeds: numbers["--seeds"],
    twice: numbers["--twice"],
    eachFault: numbers["--each-fault"],
    jobs: numbers["--jobs"] || navigator.hardwareConcurrency,
    stop,
  };
}

/** Runs all seeds, several at a time, and calls `onResult` as they end. */
async function runAll(
  { scenario, from, seeds, twice, jobs }: Options,
  onResult: (result: SeedResult) => "go on" | "stop",
): Promise<void> {
  let next = from;
  const work = async () => {
    const worker = new Worker(new URL("./simulate_worker.ts", import.meta.url), { type: "module" });
    while (next < from + seeds) {
      const seed = next++;
      const task: SeedTask = { scenario, seed, twice: seed - from < twice };
      const result = await new Promise<SeedResult>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(`Seed ${seed}: ${event.message}`));
        worker.postMessage(task);
      });
      if (onResult(result) === "stop") next = Infinity;
    }
    worker.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, work));
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function report({ seed, hash, acknowledged, violations, failure, virtualMs }: SeedResult): void {
  const verdict = failure ? "FAILED" : violations.length > 0 ? "VIOLATED" : "ok";
  const seconds = (virtualMs / 1000).toFixed(1).padStart(6);
  const batches = String(acknowledged).padStart(5);
  say(
    `seed ${String(seed).padStart(6)}  ${hash}  ${batches} acknowledged  ${seconds} s  ${verdict}`,
  );
}

const options = parse(Deno.args);
const faults = new Map<string, number>();
const notes = new Map<string, number>();
const failed: SeedResult[] = [];
let ran = 0;
let acknowledged = 0;
let virtualMs = 0;
let fewest = Infinity;
const startMs = performance.now();

await runAll(options, (result) => {
  report(result);
  ran++;
  acknowledged += result.acknowledged;
  virtualMs += result.virtualMs;
  fewest = Math.min(fewest, result.acknowledged);
  for (const [kind, count] of Object.entries(result.faults)) {
    faults.set(kind, (faults.get(kind) ?? 0) + count);
  }
  for (const [note, count] of Object.entries(result.notes ?? {})) {
    notes.set(note, (notes.get(note) ?? 0) + count);
  }
  if (result.failure === null && result.violations.length === 0) return "go on";
  failed.push(result);
  return options.stop ? "stop" : "go on";
});

const seconds = (performance.now() - startMs) / 1000;
const kinds = SCENARIOS.get(options.scenario)!.faultKinds ?? [...faults.keys()];
const rare = kinds.map((kind) => [kind, faults.get(kind) ?? 0] as const)
  .filter(([, count]) => count < options.eachFault);
say("");
for (const counts of [faults, notes]) {
  for (const [kind, count] of [...counts].sort()) say(`${kind.padEnd(34)} ${count}`);
  say("");
}
for (const { seed, violations, failure, timeline = [] } of failed) {
  say(`Seed ${seed}:`);
  if (failure) say(failure); // with a timeline of its own
  else for (const line of timeline) say(`  ${line}`);
  for (const [kind, its] of Map.groupBy(violations, ({ kind }) => kind)) {
    for (const { text } of its.slice(0, VIOLATIONS_SHOWN)) say(`  ${kind}: ${text}`);
    const more = its.length - VIOLATIONS_SHOWN;
    if (more > 0) say(`  and ${more} more of that kind`);
  }
  say(`  Replay: ${replayCommand(options.scenario, seed)}`);
}
for (const [kind, count] of rare) {
  say(`Too rare: ${kind}, ${count} times, not ${options.eachFault}`);
}
say(
  `${ran} seeds of ${options.scenario} in ${seconds.toFixed(1)} s: ` +
    `${(ran / seconds).toFixed(2)} seeds/s, ${
      (virtualMs / 1000 / seconds).toFixed(0)
    } s of life/s; ` +
    `${acknowledged} batches acknowledged, ${fewest} a seed at least`,
);
const failures = failed.length + rare.length;
say(`${ran - failed.length} passed, ${failures} failed`);
Deno.exit(failures === 0 && ran > 0 ? 0 : 1);
