// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The log against the raw store: the same bytes through the log's append and read, and as full commits and lists of Deno KV,
 * in one run, turn by turn. Prints ratios with their spread (lowest to highest round).
 *
 *     deno run --unstable-kv --allow-read --allow-write --allow-env --allow-sys=statfs bench/log_bench.ts [MB per round] [rounds] [folder] [appends|reads]
 *
 * @module
 */
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { buildBatch } from "../protocol/records/builder.ts";
import { readBatchHeader } from "../protocol/records/batch_header.ts";
import { key, prefixRange } from "../storage/kv/key.ts";
import { openDenoFolder } from "../storage/kv/deno/deno_folder.ts";
import type { Kv } from "../storage/kv/kv.ts";
import { openLogStore } from "../storage/log/log_store.ts";
import type { LogStore, PartitionLog } from "../storage/log/partition_log.ts";

const MB = 1_000_000;
const roundBytes = Number(Deno.args[0] ?? 64) * MB;
const rounds = Number(Deno.args[1] ?? 5);
const WINDOW_BYTES = 16 * MB;
const FILES = 2;
const IN_FLIGHT_PER_FILE = 2;
const VALUE_BYTES = 65_536;
const VALUES_PER_COMMIT = 11;
const FETCH_BYTES = 1_048_576;

const environment = denoEnvironment({ log: { write: (...line) => console.error(...line) } });
const sizes: [label: string, bytes: number][] = [
  ["900 B", 900],
  ["4 KB", 4_000],
  ["16 KB", 16_000],
  ["64 KB", 64_000],
  ["1 MB", 1_000_000],
];
const partitionCounts = [1, 64, 1_000];

/** A batch of about `bytes`, of 1 KB records at most, that no page compresses. */
function batchOf(bytes: number): Uint8Array {
  const values: Uint8Array[] = [];
  for (let left = bytes - 61; left > 20; left -= 1_000) {
    values.push(environment.random.bytes(Math.max(1, Math.min(990, left - 10))));
  }
  return buildBatch(values.map((value) => ({ value, timestampMs: environment.clock.now() })));
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1_000;
}

/** Appends `count` times, over all logs in turn, with a window of bytes in flight. */
async function appendAll(logs: readonly PartitionLog[], batch: Uint8Array, count: number) {
  const header = readBatchHeader(batch);
  const windowBatches = Math.max(4, Math.floor(WINDOW_BYTES / batch.length));
  let sent = 0;
  let settled = 0;
  await new Promise<void>((resolve, reject) => {
    const fill = () => {
      while (sent < count && sent - settled < windowBatches) {
        logs[sent++ % logs.length].append(batch, header, (outcome) => {
          if (outcome.kind === "failed") return reject(outcome.error);
          if (++settled === count) return resolve();
          if (settled % 64 === 0 || sent - settled < windowBatches / 2) fill();
        });
      }
    };
    fill();
  });
}

/** The same bytes as full commits, as many in flight as the log has (one partition: one). */
async function commitAll(
  stores: readonly Kv[],
  bytes: number,
  round: number,
  inFlightPerFile = IN_FLIGHT_PER_FILE,
) {
  const value = environment.random.bytes(VALUE_BYTES);
  const commits = Math.ceil(bytes / (VALUE_BYTES * VALUES_PER_COMMIT));
  let next = 0;
  await Promise.all(stores.flatMap((kv) =>
    Array.from({ length: inFlightPerFile }, async () => {
      for (let n = next++; n < commits; n = next++) {
        const outcome = await kv.commit({
          sets: Array.from({ length: VALUES_PER_COMMIT }, (_, at) => ({
            key: key("raw", round, n, at),
            value,
          })),
        });
        if (outcome.kind !== "ok") throw new Error(`A raw commit ended with ${outcome.kind}`);
      }
    })
  ));
}

function spread(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return `${middle.toFixed(2)} (${sorted[0].toFixed(2)}–${sorted.at(-1)!.toFixed(2)})`;
}

async function benchAppends(store: LogStore, raw: readonly Kv[]) {
  let round = 0;
  for (const partitions of partitionCounts) {
    const logs = await Promise.all(
      Array.from(
        { length: partitions },
        (_, partition) => store.open({ topicId: "benchbenchbenchbenchbA", partition }),
      ),
    );
    for (const [label, bytes] of sizes) {
      const batch = batchOf(bytes);
      const count = Math.ceil(roundBytes / batch.length);
      const ratios: number[] = [];
      const chainRatios: number[] = [];
      const rates: number[] = [];
      const rawBytes = count * batch.length;
      for (let turn = 0; turn < rounds; turn++) {
        const ofRaw = await seconds(() => commitAll(raw, rawBytes, round++));
        const ofChain = partitions > 1
          ? 0
          : await seconds(() => commitAll(raw.slice(0, 1), rawBytes, round++, 1));
        const ofLog = await seconds(() => appendAll(logs, batch, count));
        ratios.push(ofRaw / ofLog);
        chainRatios.push(ofChain / ofLog);
        rates.push(count / ofLog);
      }
      const rate = rates.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
      console.log(
        `append ${String(partitions).padStart(4)} partitions, ${label.padStart(6)}: ` +
          `${spread(ratios)} × raw, ${Math.round(rate)} appends/s, ` +
          `${(rate * batch.length / MB).toFixed(0)} MB/s` +
          (partitions > 1 ? "" : `, ${spread(chainRatios)} × one raw chain`),
      );
    }
  }
}

/** One small batch at a time: how long until it is durable, against a raw commit of the same bytes. */
async function benchLatency(store: LogStore, raw: readonly Kv[]) {
  const log = await store.open({ topicId: "benchbenchbenchbenchbA", partition: 5_000 });
  const batch = batchOf(1_000);
  const ofLog: number[] = [];
  const ofRaw: number[] = [];
  for (let n = 0; n < 1_000; n++) {
    ofLog.push(await seconds(() => appendAll([log], batch, 1)));
    ofRaw.push(
      await seconds(async () => {
        await raw[0].commit({ sets: [{ key: key("raw", "single", n), value: batch }] });
      }),
    );
  }
  const at = (times: number[], share: number) =>
    times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] * 1_000;
  for (const [label, share] of [["p50", 0.5], ["p99", 0.99]] as const) {
    const [log, raw] = [at(ofLog, share), at(ofRaw, share)];
    console.log(
      `one append at a time, ${label}: ${log.toFixed(2)} ms, raw commit ${raw.toFixed(2)} ms: ` +
        `${(log / raw).toFixed(2)} × raw`,
    );
  }
}

/** Reads a log from `offset` as a consumer that fetches 1 MiB at a time. */
async function readAll(log: PartitionLog, from: number, bytesMax: number): Promise<number> {
  let bytes = 0;
  for (let offset = from; offset < log.highWatermark && bytes < bytesMax;) {
    const read = await log.read({
      offset,
      beforeOffset: log.highWatermark,
      maxBytes: FETCH_BYTES,
      minOneBatch: true,
    });
    bytes += read.bytes;
    offset = read.nextOffset;
  }
  return bytes;
}

async function listAll(kv: Kv, bytesMax: number): Promise<number> {
  let bytes = 0;
  const { start, end } = prefixRange("raw");
  for (let from = start; bytes < bytesMax;) {
    const page = await kv.list({ start: from, end }, { limit: 100 });
    if (page.length === 0) break;
    for (const { value } of page) bytes += value.length;
    from = Uint8Array.of(...page.at(-1)!.key, 0);
  }
  return bytes;
}

async function benchReads(store: LogStore, raw: readonly Kv[]) {
  for (const [label, bytes] of sizes) {
    const batch = batchOf(bytes);
    const log = await store.open({ topicId: "readreadreadreadreadrA", partition: batch.length });
    await appendAll([log], batch, Math.ceil(roundBytes * 2 / batch.length));
    const ratios: number[] = [];
    const rates: number[] = [];
    for (let turn = 0; turn < rounds; turn++) {
      let ofRaw = 0;
      let ofLog = 0;
      const rawSeconds = await seconds(async () =>
        void (ofRaw = await listAll(raw[0], roundBytes))
      );
      const logSeconds = await seconds(async () =>
        void (ofLog = await readAll(log, 0, roundBytes))
      );
      ratios.push((ofLog / logSeconds) / (ofRaw / rawSeconds));
      rates.push(ofLog / logSeconds / MB);
    }
    console.log(
      `catch-up read, ${label.padStart(6)}: ${spread(ratios)} × raw list, ` +
        `${spread(rates)} MB/s`,
    );
  }
}

const place = await Deno.makeTempDir({ prefix: "log-bench-", dir: Deno.args[2] });
try {
  const logFolder = await openDenoFolder(`${place}/log`);
  const rawFolder = await openDenoFolder(`${place}/raw`);
  const raw = await Promise.all(
    Array.from({ length: FILES }, (_, n) => rawFolder.open(`raw-${n}`)),
  );
  const wanted = Deno.args[3];
  if (wanted !== "reads") {
    const store = await openLogStore({ folder: logFolder, environment });
    await benchLatency(store, raw);
    await benchAppends(store, raw);
    await store.close();
  }
  if (wanted !== "appends") {
    if (wanted === "reads") await commitAll(raw, roundBytes * 2, 0);
    // Hardly any cache: everything comes from the store.
    const options = { cacheBytesMax: 24 * MB };
    const readFolder = await openDenoFolder(`${place}/reads`);
    const store = await openLogStore({ folder: readFolder, environment, options });
    await benchReads(store, raw);
    await store.close();
    await readFolder.close();
  }
  await Promise.all(raw.map((kv) => kv.close()));
  await logFolder.close();
  await rawFolder.close();
} finally {
  await Deno.remove(place, { recursive: true });
}
