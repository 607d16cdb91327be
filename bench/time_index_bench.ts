/**
 * Lookups by time in one partition, as its closed segments become more: the time of one lookup against that among ten.
 *
 * Usage: deno run --allow-read bench/time_index_bench.ts [rounds]
 *
 * @module
 */
import { environment } from "./support/wire.ts";
import { at, say, spread } from "./support/figures.ts";
import { buildBatch } from "../protocol/records/builder.ts";
import { readBatchHeader } from "../protocol/records/batch_header.ts";
import { MemoryDisk } from "../storage/kv/memory/memory_folder.ts";
import { openLogStore } from "../storage/log/log_store.ts";
import type { LogStore, PartitionLog } from "../storage/log/partition_log.ts";

const SEGMENTS = [10, 100, 1_000, 10_000];
const LOOKUPS = 2_000;
const ID = { topicId: "xxxxxxxxxxxxxxxxxxxxxA", partition: 0 };
/** Every so many records one is late by as many. */
const LATE = 7;

/** A log of one record per segment; times rise, but for those that are late. */
async function logOf(segments: number): Promise<{ store: LogStore; log: PartitionLog }> {
  const store = await openLogStore({
    folder: new MemoryDisk().openFolder(),
    environment,
    options: { files: 1, shardsPerFile: 1, segmentBytes: 1, cleanerIntervalMs: 1e9 },
  });
  const log = await store.open(ID);
  for (let n = 0; n < segments; n++) {
    const timestampMs = n % LATE === LATE - 1 ? n - LATE + 1 : n;
    const batch = buildBatch([{ value: new Uint8Array(16), timestampMs }]);
    await new Promise((resolve) => log.append(batch, readBatchHeader(batch), resolve));
  }
  return { store, log };
}

/** Microseconds of one lookup. */
async function microsOf(look: (n: number) => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let n = 0; n < LOOKUPS; n++) await look(n);
  return (performance.now() - startMs) * 1_000 / LOOKUPS;
}

const rounds = Number(Deno.args[0] ?? 5);
say(`Lookups in one partition, ${rounds} rounds of ${LOOKUPS}: median (lowest–highest)`);
const logs: { readonly segments: number; readonly store: LogStore; readonly log: PartitionLog }[] =
  [];
for (const segments of SEGMENTS) logs.push({ segments, ...await logOf(segments) });
const kinds = {
  "the first record at or after a time": (log: PartitionLog, n: number) =>
    log.findByTimestamp((n * 7_919) % log.highWatermark, log.highWatermark),
  "the latest record": (log: PartitionLog) => log.findMaxTimestamp(),
  "aborted transactions of a fetch at the end": (log: PartitionLog) =>
    log.abortedTransactions(log.highWatermark - 1, log.highWatermark),
};
for (const [what, look] of Object.entries(kinds)) {
  say(`${what}:`);
  const micros = new Map<number, number[]>(SEGMENTS.map((segments) => [segments, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { segments, log } of logs) {
      const each = await microsOf((n) => look(log, n));
      if (round > 0) micros.get(segments)!.push(each); // the first one warms up
    }
  }
  const few = micros.get(SEGMENTS[0])!;
  for (const [segments, its] of micros) {
    const ratios = its.map((each, round) => each / few[round]);
    say(
      `  ${String(segments).padStart(6)} segments: ${at(its, 0.5).toFixed(1).padStart(6)} µs, ${
        spread(ratios)
      } × of ${SEGMENTS[0]}`,
    );
  }
}
for (const { store } of logs) await store.close();
