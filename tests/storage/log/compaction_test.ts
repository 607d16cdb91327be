import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  AT,
  codecOf,
  hasDeleteHorizon,
  isControl,
  readBatchHeader,
} from "../../../protocol/records/batch_header.ts";
import { putInt16 } from "../../../protocol/records/big_endian.ts";
import { sealBatch } from "../../../protocol/records/builder.ts";
import { filterBatch } from "../../../protocol/records/filter.ts";
import { recordReader } from "../../../protocol/records/records.ts";
import { controlBatch } from "../../../protocol/records/control.ts";
import type { LogOptions } from "../../../storage/log/log_store.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import {
  append,
  batchesFrom,
  keyedBatch,
  keyedRecordsFrom,
  type KeyedValue,
  LogWorld,
  partitionId,
  topicConfig,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const OPTIONS: LogOptions = {
  files: 1,
  shardsPerFile: 1,
  segmentBytes: 4_000,
  diskCheckIntervalMs: 1e9,
};
const HORIZON_MS = 60_000;
const COMPACT = {
  "cleanup.policy": "compact",
  "delete.retention.ms": `${HORIZON_MS}`,
  "min.cleanable.dirty.ratio": "0",
};
const filler = "x".repeat(200);

function compactedWorld(
  overrides: Readonly<Record<string, string>> = {},
  options: LogOptions = {},
): Promise<LogWorld> {
  return LogWorld.open({ ...OPTIONS, ...options }, () => topicConfig({ ...COMPACT, ...overrides }));
}

/** Appends records of another partition until the open segment is closed. */
async function closeSegment(world: LogWorld): Promise<void> {
  const other = await world.store.open(partitionId(9, 9));
  for (let n = 0; n < 3; n++) await append(other, keyedBatch([["other", "o".repeat(1_900)]]));
  await world.environment.advance(10);
}

async function found(log: PartitionLog): Promise<[offset: number, key: string, value: string][]> {
  const records = await keyedRecordsFrom(log);
  return records.map(({ offset, key, value }) => [offset, key, value?.replace(filler, "") ?? "-"]);
}

Deno.test("Compaction keeps the last record of each key, at its offset", async () => {
  const world = await compactedWorld();
  const log = await world.store.open(partitionId());
  for (const [key, value] of [["a", "1"], ["b", "1"], ["a", "2"], ["c", "1"], ["b", "2"]]) {
    await append(log, keyedBatch([[key, value + filler]]));
  }
  await closeSegment(world);
  await append(log, keyedBatch([["a", "3"]]));
  await world.clean();
  const expected = [[2, "a", "2"], [3, "c", "1"], [4, "b", "2"], [5, "a", "3"]];
  assertEquals(await found(log), expected, "The open segment is left alone");
  await world.restart();
  assertEquals(await found(await world.store.open(partitionId())), expected);
});

Deno.test("Compaction takes records out of batches, of every codec, and leaves the rest of them as it was", async () => {
  for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    const world = await compactedWorld();
    const log = await world.store.open(partitionId());
    const timestampsMs = [5_000, 6_000, 7_000];
    await append(
      log,
      keyedBatch([["a", "1"], ["b", "1"], ["a", "2"]], { timestampsMs, codec }),
    );
    await append(log, keyedBatch([["b", "2"]]));
    await closeSegment(world);
    await world.clean();
    assertEquals(await found(log), [[2, "a", "2"], [3, "b", "2"]]);
    const [first] = await Array.fromAsync(batchesFrom(log));
    const { baseOffset, lastOffsetDelta, maxTimestampMs, recordCount } = first.header;
    assertEquals([baseOffset, lastOffsetDelta, maxTimestampMs, recordCount], [0, 2, 7_000, 1]);
    assertEquals((await log.findByTimestamp(6_500, 10))?.offset, 2);
  }
});

Deno.test("Compaction keeps a tombstone for delete.retention.ms after it was first met, and then drops it", async () => {
  const world = await compactedWorld();
  const log = await world.store.open(partitionId());
  await append(log, keyedBatch([["a", "1"]]));
  await append(log, keyedBatch([["a", null]]));
  await append(log, keyedBatch([["z", "1"]]));
  await closeSegment(world);
  await world.clean();
  assertEquals(await found(log), [[1, "a", "-"], [2, "z", "1"]]);
  const [{ header }] = await Array.fromAsync(batchesFrom(log));
  assert(hasDeleteHorizon(header));
  const again = async () => {
    await append(log, keyedBatch([["b", `${filler}`]]));
    await closeSegment(world);
    await world.clean();
  };
  await again();
  assertEquals((await found(log))[0], [1, "a", "-"]);
  await world.environment.advance(HORIZON_MS);
  await again();
  assertEquals((await found(log)).map(([, key]) => key), ["z", "b"]);
});

Deno.test("Compaction leaves the last record of a log alone, whatever it is, so that a reader comes to the end", async () => {
  const world = await compactedWorld({ "delete.retention.ms": "0" });
  const log = await world.store.open(partitionId());
  await append(log, keyedBatch([["a", "1"]]));
  await append(log, keyedBatch([["a", null]]));
  for (let round = 0; round < 3; round++) {
    await closeSegment(world);
    await world.clean();
    await world.environment.advance(1_000);
    assertEquals(await found(log), [[1, "a", "-"]]);
  }
  await append(log, keyedBatch([["b", "1"]]));
  await append(log, keyedBatch([["b", "2"]]));
  for (let round = 0; round < 2; round++) {
    await append(log, keyedBatch([[`c ${round}`, "1"]]));
    await closeSegment(world);
    await world.clean();
    await world.environment.advance(1_000);
  }
  assertEquals((await found(log)).map(([, key, value]) => [key, value]), [
    ["b", "2"],
    ["c 0", "1"],
    ["c 1", "1"],
  ]);
});

Deno.test("Compaction drops what was aborted, and its marker when nothing is left and its time is over", async () => {
  const world = await compactedWorld();
  const log = await world.store.open(partitionId());
  const send = (key: string, value: string, producerId: bigint, baseSequence: number) =>
    append(
      log,
      keyedBatch([[key, value]], {
        producer: { producerId, producerEpoch: 0, baseSequence },
        transactional: true,
      }),
    );
  const end = (producerId: bigint, result: "commit" | "abort") =>
    append(
      log,
      controlBatch({ producerId, producerEpoch: 0, coordinatorEpoch: 0, result, timestampMs: 1 }),
    );
  await send("a", "committed", 1n, 0);
  await end(1n, "commit");
  await send("a", "aborted", 2n, 0);
  await end(2n, "abort");
  await send("b", "open", 3n, 0);
  await append(log, keyedBatch([["a", "after"]]));
  await closeSegment(world);
  await world.clean();
  const markers = async () =>
    (await Array.fromAsync(batchesFrom(log))).filter(({ header }) => isControl(header))
      .map(({ header }) => header.baseOffset);
  assertEquals(await found(log), [[0, "a", "committed"], [4, "b", "open"], [5, "a", "after"]]);
  assertEquals(await markers(), [1, 3]);
  await end(3n, "commit");
  const again = async () => {
    await append(log, keyedBatch([["c", filler]]));
    await closeSegment(world);
    await world.clean();
  };
  await again();
  assertEquals((await found(log)).map(([offset, key]) => [offset, key]), [[4, "b"], [5, "a"], [
    7,
    "c",
  ]]);
  assertEquals(await markers(), [1, 3, 6], "The last batch of a producer is kept, and its marker");
  log.producers.expire(Infinity);
  for (let n = 0; n < 3; n++) {
    await world.environment.advance(HORIZON_MS);
    await again();
  }
  assertEquals(await markers(), [6], "A marker stays as long as a record of its transaction");
  assertEquals(await log.abortedTransactions(0, log.highWatermark), []);
});

// Found by the model of compaction: a value could come back when its tombstone's time was over.
Deno.test("Compaction does not take records for aborted whose producer had an aborted transaction before", async () => {
  const world = await compactedWorld();
  const log = await world.store.open(partitionId());
  let baseSequence = 0;
  const send = (value: string | null) =>
    append(
      log,
      keyedBatch([["a", value]], {
        producer: { producerId: 2n, producerEpoch: 0, baseSequence: baseSequence++ },
        transactional: true,
      }),
    );
  const end = (result: "commit" | "abort") =>
    append(
      log,
      controlBatch({
        result,
        producerId: 2n,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        timestampMs: 1,
      }),
    );
  await send("aborted");
  await end("abort");
  await send("1");
  await closeSegment(world);
  await world.clean(); // up to the open transaction
  await send(null);
  await end("commit");
  await append(log, keyedBatch([["z", "1"]]));
  for (let round = 0; round < 3; round++) {
    await closeSegment(world);
    await world.clean();
    const values = (await found(log)).filter(([, key]) => key === "a").map(([, , value]) => value);
    assert(!values.includes("1"), `It is back, in round ${round}: ${values}`);
    await world.environment.advance(HORIZON_MS);
    await append(log, keyedBatch([["z", `${round}`]]));
  }
});

Deno.test("Compaction keeps the last batch of each producer, be it empty, so that its sequence is known", async () => {
  const world = await compactedWorld();
  const log = await world.store.open(partitionId());
  const producer = { producerId: 5n, producerEpoch: 1, baseSequence: 0 };
  await append(log, keyedBatch([["a", "1"]], { producer }));
  await append(log, keyedBatch([["a", "2"]], { producer: { ...producer, baseSequence: 1 } }));
  await append(log, keyedBatch([["a", "3"]]));
  await closeSegment(world);
  await world.clean();
  assertEquals(await found(log), [[2, "a", "3"]]);
  const [{ header }] = await Array.fromAsync(batchesFrom(log));
  assertEquals([header.baseOffset, header.recordCount, header.baseSequence], [1, 0, 1]);
  await world.restart();
  const again = await world.store.open(partitionId());
  const duplicate = keyedBatch([["a", "2"]], { producer: { ...producer, baseSequence: 1 } });
  assertEquals(again.producers.check(readBatchHeader(duplicate)).kind, "duplicate");
});

Deno.test("Compaction leaves no codec in a batch of no records (clients could not read on), and mends those of earlier versions", async () => {
  const producer = { producerId: 5n, producerEpoch: 1, baseSequence: 0 };
  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    for (const version of ["this", "earlier"]) {
      const world = await compactedWorld();
      const log = await world.store.open(partitionId());
      const batch = keyedBatch([["a", filler]], { producer, codec });
      await append(log, version === "this" ? batch : emptiedWithCodec(batch));
      await append(log, keyedBatch([["a", "2"]]));
      await closeSegment(world);
      await world.clean();
      assertEquals(await found(log), [[1, "a", "2"]]);
      const [{ header, bytes }] = await Array.fromAsync(batchesFrom(log));
      assertEquals([header.recordCount, codecOf(header), bytes.length], [0, "none", 61]);
      assertEquals(header.baseSequence, 0);
    }
  }
});

/** A batch of no records as the cleaner once left it. */
function emptiedWithCodec(batch: Uint8Array): Uint8Array {
  const header = readBatchHeader(batch);
  const options = { deleteHorizonMs: null };
  const emptied = filterBatch(batch, header, recordReader(batch, header), () => false, options);
  putInt16(emptied, AT.attributes, header.attributes);
  sealBatch(emptied);
  return emptied;
}

Deno.test("Compaction waits for min.compaction.lag.ms, and for no longer than max.compaction.lag.ms", async () => {
  const minMs = 500_000;
  for (
    const [overrides, offsetsThen] of [
      [{ "min.cleanable.dirty.ratio": "0" }, [[0, 1], [1], [1]]],
      [{ "min.cleanable.dirty.ratio": "1" }, [[0, 1], [0, 1], [1]]],
    ] as const
  ) {
    const world = await compactedWorld({
      "min.compaction.lag.ms": `${minMs}`,
      "max.compaction.lag.ms": `${2 * minMs}`,
      ...overrides,
    });
    const log = await world.store.open(partitionId());
    const timestampsMs = [world.environment.clock.now()];
    for (const value of ["1", "2"]) await append(log, keyedBatch([["a", value]], { timestampsMs }));
    await closeSegment(world);
    for (const offsets of offsetsThen) {
      await world.clean();
      assertEquals((await found(log)).map(([offset]) => offset), [...offsets]);
      await world.environment.advance(minMs);
    }
  }
});

Deno.test("Compaction with memory for few keys comes to the same in several runs", async () => {
  const world = await compactedWorld({}, { compactionBytes: 100 });
  const log = await world.store.open(partitionId());
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 40; key++) {
      await append(log, keyedBatch([[`key ${key}`, `${round}`]]));
    }
  }
  await closeSegment(world);
  await world.clean();
  assertEquals((await found(log)).map(([, , value]) => value), new Array(40).fill("2"));
});

/** One step of a random history. */
type Step =
  | { readonly kind: "append"; readonly records: readonly KeyedValue[] }
  | {
    readonly kind: "transaction";
    readonly records: readonly KeyedValue[];
    readonly commit: boolean;
  }
  | { readonly kind: "clean" }
  | { readonly kind: "close" }
  | { readonly kind: "wait" }
  | { readonly kind: "cut"; readonly share: number }
  | { readonly kind: "restart" };

const record = fc.tuple(
  fc.integer({ min: 0, max: 5 }).map((key) => `key ${key}`),
  fc.option(fc.integer({ min: 0, max: 999 }).map((value) => `${value} ${filler}`), { freq: 4 }),
);
const records = fc.array(record, { minLength: 1, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("append" as const), records }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("transaction" as const),
      records,
      commit: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clean" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      share: fc.double({ min: 0, max: 0.5, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

/** What a reader of committed records knows: the last value of each key, and where each record was. */
class Model {
  readonly values = new Map<number, KeyedValue>();
  readonly aborted = new Set<number>();
  start = 0;

  /** The value of each key that a reader from the start must end with; null after a tombstone. */
  latest(): Map<string, string | null> {
    const latest = new Map<string, string | null>();
    for (const [offset, [key, value]] of [...this.values].sort(([a], [b]) => a - b)) {
      if (offset >= this.start && !this.aborted.has(offset)) latest.set(key, value);
    }
    return latest;
  }
}

async function check(log: PartitionLog, model: Model): Promise<void> {
  const latest = new Map<string, string | null>();
  const aborted = await log.abortedTransactions(log.logStartOffset, log.highWatermark);
  const isAborted = (offset: number) =>
    model.aborted.has(offset) &&
    aborted.some((each) => each.firstOffset <= offset && offset <= each.lastOffset);
  for (const { offset, key, value } of await keyedRecordsFrom(log)) {
    if (offset < model.start || isAborted(offset)) continue;
    assertEquals(
      [key, value],
      model.values.get(offset),
      `Offset ${offset} is not what was written`,
    );
    assert(!model.aborted.has(offset), `Offset ${offset} was aborted, and is read as committed`);
    latest.set(key, value);
  }
  for (const [key, value] of model.latest()) {
    const read = latest.get(key);
    assert(value === null ? !read : read === value, `${key} is ${read}, not ${value}`);
    latest.delete(key);
  }
  assertEquals([...latest.keys()], [], "A key is back that was gone");
}

Deno.test("A compacted log is its model, whatever is written, aborted, cut, cleaned or killed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(100, 1_000_000),
      async (steps, compactionBytes) => {
        const world = await compactedWorld({}, { compactionBytes });
        const model = new Model();
        let log = await world.store.open(partitionId());
        const sequences = new Map<bigint, number>();
        const write = async (values: readonly KeyedValue[], producerId: bigint | null) => {
          const baseSequence = sequences.get(producerId ?? -1n) ?? 0;
          const producer = producerId === null
            ? undefined
            : { producerId, producerEpoch: 0, baseSequence };
          if (producerId !== null) sequences.set(producerId, baseSequence + values.length);
          const transactional = producerId === 2n;
          const base = await append(log, keyedBatch(values, { producer, transactional }));
          values.forEach((value, n) => model.values.set(base + n, value));
          return base;
        };
        for (const each of steps) {
          switch (each.kind) {
            case "append":
              await write(each.records, each.records.length % 2 ? 1n : null);
              break;
            case "transaction": {
              const base = await write(each.records, 2n);
              if (!each.commit) each.records.forEach((_, n) => model.aborted.add(base + n));
              await append(
                log,
                controlBatch({
                  producerId: 2n,
                  producerEpoch: 0,
                  coordinatorEpoch: 0,
                  result: each.commit ? "commit" : "abort",
                  timestampMs: 1,
                }),
              );
              break;
            }
            case "clean":
              await world.clean();
              break;
            case "close":
              await closeSegment(world);
              break;
            case "wait":
              await world.environment.advance(HORIZON_MS);
              break;
            case "cut":
              model.start = Math.max(model.start, Math.floor(log.highWatermark * each.share));
              await log.advanceLogStart(model.start);
              break;
            case "restart":
              await world.restart();
              log = await world.store.open(partitionId());
          }
          await check(log, model);
        }
        await world.restart();
        log = await world.store.open(partitionId());
        await check(log, model);
        for (const [producerId, sequence] of sequences) {
          const producer = { producerId, producerEpoch: 0, baseSequence: sequence };
          const next = readBatchHeader(
            keyedBatch([["k", "v"]], { producer, transactional: producerId === 2n }),
          );
          assertEquals(log.producers.check(next).kind, "append");
        }
        await world.clean();
        await check(await world.store.open(partitionId()), model);
        assertEquals(await orphansOf(world.disk, 1), []);
      },
    ),
    { numRuns: 60 },
  );
});
