/**
 * Compaction of one partition with many keys. Each phase is a process of its own, so that the memory of one is not that of
 * another; and a log is opened and read as a coordinator does at start, before and after.
 *
 * @module
 */
import { buildBatch } from "../../protocol/records/builder.ts";
import { millisOf, say } from "../support/figures.ts";
import { environment } from "../support/wire.ts";
import { appendAll, cleanedWholly, COMPACTED, readAll, withStore } from "./log_folder.ts";
import type { LifeOptions } from "./options.ts";

const MB = 1_000_000;
const BATCH_BYTES = 64_000;

/** Runs the phases, each in a process, on a folder of their own. */
export async function benchCompaction(options: LifeOptions): Promise<void> {
  const { keys, writes, valueBytes } = options;
  say(`A topic of ${keys} keys, each written ${writes} times in random order, ${valueBytes} bytes`);
  const path = await Deno.makeTempDir({ prefix: "odradek-bench-compaction-" });
  try {
    for (const phase of ["write", "read", "compact", "read"]) await runPhase(phase, path, options);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function runPhase(phase: string, path: string, options: LifeOptions): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--unstable-kv", "--no-check", "--allow-read", "--allow-write", "--allow-env"],
      ...["--allow-sys", import.meta.filename!, phase, path, JSON.stringify(options)],
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`The phase "${phase}" has failed`);
}

/** Keys in an order that is random, but of every `keys` records each is one. */
async function write(path: string, { keys, writes, valueBytes }: LifeOptions): Promise<void> {
  const records = keys * writes;
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / (valueBytes + 20)));
  const value = environment.random.bytes(valueBytes);
  const encoder = new TextEncoder();
  const stride = strideOf(keys);
  const ms = await millisOf(() =>
    withStore(path, async (store) => {
      const log = await store.open(COMPACTED);
      await appendAll((n) => {
        const first = n * perBatch;
        if (first >= records) return null;
        const timestampMs = environment.clock.now();
        const batch = buildBatch(
          Array.from({ length: Math.min(perBatch, records - first) }, (_, at) => {
            const key = (first + at) * stride % keys;
            return { key: encoder.encode(`key-${key}`), value, timestampMs };
          }),
        );
        return { log, batch };
      });
      say(`  written: ${records} records, ${(log.sizeBytes / 1e9).toFixed(2)} GB`);
    })
  );
  say(`  in ${(ms / 1_000).toFixed(1)} s`);
}

/** A step through all numbers below `keys`: coprime to it. */
function strideOf(keys: number): number {
  const gcd = (a: number, b: number): number => b === 0 ? a : gcd(b, a % b);
  let stride = Math.floor(keys * 0.618);
  while (stride > 1 && gcd(stride, keys) !== 1) stride--;
  return Math.max(1, stride);
}

async function read(path: string): Promise<void> {
  let records = 0;
  const ms = await millisOf(() =>
    withStore(path, async (store) => {
      records = await readAll(await store.open(COMPACTED));
    })
  );
  say(`  opened and read: ${(ms / 1_000).toFixed(2)} s for ${records} records`);
}

async function compact(path: string): Promise<void> {
  await withStore(path, async (store) => {
    const log = await store.open(COMPACTED);
    const beforeBytes = log.sizeBytes;
    const residentBefore = Deno.memoryUsage().rss;
    let residentMax = residentBefore;
    const sampler = setInterval(
      () => residentMax = Math.max(residentMax, Deno.memoryUsage().rss),
      20,
    );
    const ms = await millisOf(() => cleanedWholly(store));
    clearInterval(sampler);
    say(
      `  compacted: ${(ms / 1_000).toFixed(1)} s, ${
        ((residentMax - residentBefore) / MB).toFixed(0)
      } MB more memory at most (${(residentMax / MB).toFixed(0)} MB in all), ${
        (beforeBytes / 1e9).toFixed(2)
      } GB to ${(log.sizeBytes / 1e9).toFixed(2)} GB`,
    );
  });
}

if (import.meta.main) {
  const [phase, path, options] = Deno.args;
  if (phase === "write") await write(path, JSON.parse(options));
  else if (phase === "read") await read(path);
  else await compact(path);
}
