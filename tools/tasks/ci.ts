/**
 * Runs every task that a change has to pass, one after another, whatever becomes of the ones before.
 *
 * Its last line is the sum over all tasks: `N passed, N failed`. A task that fails without a failed test (because of
 * formatting, say) counts as one.
 *
 * @module
 */
import { type Counts, countTests, run } from "./run.ts";

const TASKS: readonly string[] = [
  "test",
  "simulate:many",
  "simulate:groups",
  "simulate:cleaner",
  "simulate:transactions",
  "test:mutations",
  "test:kill",
  "test:exactly-once",
  "test:kill:cleaning",
  "test:compat",
];

interface Result extends Counts {
  readonly task: string;
  readonly seconds: number;
}

async function runTask(task: string): Promise<Result> {
  say(`── ${task} ${"─".repeat(70 - task.length)}`);
  const { ok, seconds, output } = await run(Deno.execPath(), ["task", task]);
  const { passed, failed } = countTests(output);
  return { task, seconds, passed, failed: ok ? failed : Math.max(1, failed) };
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const results: Result[] = [];
for (const task of TASKS) results.push(await runTask(task));

say("");
for (const { task, seconds, passed, failed } of results) {
  const minutes = (seconds / 60).toFixed(1);
  say(`${task.padEnd(16)} ${minutes.padStart(5)} min  ${passed} passed, ${failed} failed`);
}
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
say(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
