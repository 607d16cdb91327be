// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The cleaner at work on a real folder: a log of many small keyed records is compacted while nothing else happens, and read
 * back after the process that wrote it is gone, as a coordinator reads its log at start; and one of many partitions is read
 * before and after its segments were put in order. Prints times, memory, and ratios measured in the same run.
 *
 *     deno run --unstable-kv --allow-read --allow-write --allow-env --allow-sys=statfs bench/cleaner_bench.ts [keys] [writes per key] [value bytes] [folder]
 *
 * @module
 */
import { BrokerConfig } from "../config/broker_config.ts";
import { resolveTopicConfig } from "../config/topic_config.ts";
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { readBatchHeader } from "../protocol/records/batch_header.ts";
import { batchesIn } from "../protocol/records/batches.ts";
import { buildBatch } from "../protocol/records/builder.ts";
import { recordReader } from "../protocol/records/records.ts";
import { openDenoFolder } from "../storage/kv/deno/deno_folder.ts";
import { openLogStore } from "../storage/log/log_store.ts";
import type { LogStore, PartitionId, PartitionLog } from "../storage/log/partition_log.ts";

const keys = Number(Deno.args[0] ?? 100_000);
const writesPerKey = Number(Deno.args[1] ?? 20);
const valueBytes = Number(Deno.args[2] ?? 40);
const path = Deno.args[3] ?? await Deno.makeTempDir({ prefix: "cleaner_bench_" });

const MB = 1_000_000;
const PARTITIONS = 1_000;
const MIXED_BYTES = 120 * MB;
const SMALL_BATCH_BYTES = 900;
const IN_FLIGHT_MAX = 4_000;
const COMPACTED = "AAAAAAAAAAAAAAAAAAAAAA";
const MIXED = "BBBBBBBBBBBBBBBBBBBBBA";

const environment = denoEnvironment({ log: { write: (...line) => console.error(...line) } });
const config = (overrides: [string, string][]) =>
  resolveTopicConfig(new Map(overrides), BrokerConfig.parse([]));
const compact = config([["cleanup.policy", "compact"]]);
const plain = config([]);
const encoder = new TextEncoder();

async function withStore<T>(work: (store: LogStore) => Promise<T>): Promise<T> {
  const folder = await openDenoFolder(path);
  const meta = await folder.open("meta");
  const store = await openLogStore({
    folder,
    environment,
    options: { cleanerIntervalMs: 1e9, retentionIntervalMs: 1e9 },
    internal: { kv: meta, isInternal: (topicId) => topicId === COMPACTED },
    policyOf: ({ topicId }: PartitionId) => topicId === COMPACTED ? compact : plain,
  });
  try {
    return await work(store);
  } finally {
    await store.close();
    await meta.close();
    await folder.close();
  }
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1_000;
}

/** Appends what `next` gives, until it gives null, with a bounded number in flight. */
function appendAll(next: (n: number) => { log: PartitionLog; batch: Uint8Array } | null) {
  return new Promise<void>((resolve, reject) => {
    let sent = 0;
    let settled = 0;
    const fill = (): void => {
      while (sent - settled < IN_FLIGHT_MAX) {
        const wanted = next(sent);
        if (wanted === null) {
          if (settled === sent) resolve();
          return;
        }
        sent++;
        wanted.log.append(wanted.batch, readBatchHeader(wanted.batch), (outcome) => {
          if (outcome.kind === "failed") return reject(outcome.error);
          settled++;
          fill();
        });
      }
    };
    fill();
  });
}

/** Reads a log from start to end; returns batches and records. */
async function readAll(log: PartitionLog): Promise<{ batches: number; records: number }> {
  let [batches, records] = [0, 0];
  const beforeOffset = log.highWatermark;
  for (let offset = log.logStartOffset; offset < beforeOffset;) {
    const read = await log.read({ offset, beforeOffset, maxBytes: 1_048_576, minOneBatch: true });
    for (const { header, bytes } of batchesIn(read.slices)) {
      batches++;
      for (const reader = recordReader(bytes, header); reader.next();) records++;
    }
    offset = read.nextOffset;
  }
  return { batches, records };
}

async function compaction(): Promise<void> {
  const id = { topicId: COMPACTED, partition: 0 };
  const written = await withStore(async (store) => {
    const log = await store.open(id);
    const value = environment.random.bytes(valueBytes);
    return await seconds(() =>
      appendAll((n) => {
        if (n === keys * writesPerKey) return null;
        const key = encoder.encode(`group-${n % keys}/topic/3`);
        return { log, batch: buildBatch([{ key, value, timestampMs: environment.clock.now() }]) };
      })
    );
  });
  console.log(`${keys} keys, each written ${writesPerKey} times, in ${written.toFixed(1)} s`);
  const load = async (when: string) => {
    let found = { batches: 0, records: 0 };
    const opened = performance.now();
    await withStore(async (store) => {
      found = await readAll(await store.open(id));
    });
    const ms = Math.round(performance.now() - opened);
    console.log(`open and read ${when}: ${ms} ms for ${found.records} records`);
    return ms;
  };
  const before = await load("before");
  await withStore(async (store) => {
    const rssBefore = Deno.memoryUsage().rss;
    let rssMax = rssBefore;
    const sampler = setInterval(() => rssMax = Math.max(rssMax, Deno.memoryUsage().rss), 20);
    const took = await seconds(() => store.upkeep({ retention: false }));
    clearInterval(sampler);
    const extra = Math.round((rssMax - rssBefore) / MB);
    console.log(`compaction: ${took.toFixed(1)} s, ${extra} MB more memory at most`);
  });
  const after = await load("after");
  console.log(`ratio of reading, before to after: ${(before / after).toFixed(1)}`);
}

async function order(): Promise<void> {
  await withStore(async (store) => {
    const logs = await Promise.all(
      Array.from(
        { length: PARTITIONS },
        (_, partition) => store.open({ topicId: MIXED, partition }),
      ),
    );
    const value = environment.random.bytes(SMALL_BATCH_BYTES - 80);
    const batch = buildBatch([{ value, timestampMs: environment.clock.now() }]);
    await appendAll((n) =>
      n * batch.length >= MIXED_BYTES ? null : { log: logs[n * 7 % PARTITIONS], batch }
    );
  });
  const megabytesPerSecond = () =>
    withStore(async (store) => {
      const some = Array.from({ length: 40 }, (_, n) => n * 25);
      let bytes = 0;
      const took = await seconds(async () => {
        for (const partition of some) {
          const log = await store.open({ topicId: MIXED, partition });
          await readAll(log);
          bytes += log.sizeBytes;
        }
      });
      return bytes / MB / took;
    });
  const before = await megabytesPerSecond();
  // Each segment that is read often is put in order: here by reading all of them.
  const cleaned = await withStore(async (store) => {
    for (let partition = 0; partition < PARTITIONS; partition += 10) {
      await readAll(await store.open({ topicId: MIXED, partition }));
    }
    return await seconds(() => store.upkeep({ retention: false }));
  });
  const after = await megabytesPerSecond();
  console.log(
    `one of ${PARTITIONS} partitions: ${before.toFixed(0)} MB/s mixed, ${
      after.toFixed(0)
    } MB/s in order ` +
      `(× ${(after / before).toFixed(1)}), put in order in ${cleaned.toFixed(1)} s`,
  );
}

await compaction();
await order();
if (!Deno.args[3]) await Deno.remove(path, { recursive: true });
