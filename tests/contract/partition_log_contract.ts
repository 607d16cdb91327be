/**
 * What every log engine must do, as tests over a place that it can be opened in again and again.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { KafkaError } from "../../protocol/errors.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { controlBatch } from "../../protocol/records/control.ts";
import type { LogStore, PartitionLog } from "../../storage/log/partition_log.ts";
import {
  append,
  appendValues,
  batchOf,
  joined,
  partitionId,
  recordsFrom,
  startAppend,
} from "../storage/log/log_world.ts";

/** How the suite gets at the engine under test. */
export interface LogSubject {
  /** Before the names of the tests. */
  readonly name: string;
  /** A place that nobody used before. */
  place(): Promise<LogPlace>;
}

/** Where a log lives: opened again it is the same log. */
export interface LogPlace {
  open(): Promise<LogStore>;
  /** Ends the process that has it open, without a word. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

type Test = (
  sentence: string,
  body: (place: LogPlace, store: LogStore) => Promise<void>,
) => void;

/** Registers the contract's tests for one engine. */
export function testPartitionLogContract(subject: LogSubject): void {
  const test: Test = (sentence, body) =>
    Deno.test(`${subject.name} ${sentence}`, async () => {
      const place = await subject.place();
      try {
        await body(place, await place.open());
      } finally {
        await place.kill();
        await place.remove();
      }
    });
  appends(test);
  reads(test);
  restarts(test);
  times(test);
  transactions(test);
  deletions(test);
}

const whole = (offset: number, beforeOffset = Infinity) => ({
  offset,
  beforeOffset,
  maxBytes: 1_000_000,
  minOneBatch: true,
});

function appends(test: Test): void {
  test("gives offsets at once and makes them durable in order", async (_place, store) => {
    const log = await store.open(partitionId());
    const order: number[] = [];
    const started = [1, 3, 2].map((count) => {
      const batch = batchOf(Array.from({ length: count }, (_, at) => `v${at}`));
      const { baseOffset, outcome } = startAppend(log, batch);
      return { baseOffset, done: outcome.then(() => order.push(baseOffset)) };
    });
    assertEquals(started.map(({ baseOffset }) => baseOffset), [0, 1, 4]);
    assertEquals([log.logEndOffset, log.highWatermark], [6, 0]);
    await Promise.all(started.map(({ done }) => done));
    assertEquals(order, [0, 1, 4]);
    assertEquals([log.logEndOffset, log.highWatermark, log.lastStableOffset], [6, 6, 6]);
  });

  test("keeps its own copy of a batch", async (_place, store) => {
    const log = await store.open(partitionId());
    const batch = batchOf(["kept"]);
    const { outcome } = startAppend(log, batch);
    batch.fill(0);
    await outcome;
    assertEquals(await recordsFrom(log), [[0, "kept"]]);
  });

  test("gives the same log for the same partition", async (_place, store) => {
    assert(await store.open(partitionId(1)) === await store.open(partitionId(1)));
    assertEquals(
      store.leaderEpochOf(partitionId(1)),
      (await store.open(partitionId(1))).leaderEpoch,
    );
  });

  test("keeps partitions apart that share commits", async (_place, store) => {
    const logs = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.open(partitionId(n))),
    );
    await Promise.all(
      logs.flatMap((log, n) =>
        Array.from({ length: 5 }, (_, at) => appendValues(log, `${n}/${at}`))
      ),
    );
    for (const [n, log] of logs.entries()) {
      assertEquals(
        await recordsFrom(log),
        Array.from({ length: 5 }, (_, at) => [at, `${n}/${at}`]),
      );
    }
  });

  test("tells everybody who waits for a batch in flight", async (_place, store) => {
    const log = await store.open(partitionId());
    const producer = { producerId: 9n, producerEpoch: 0, baseSequence: 0 };
    const { outcome } = startAppend(log, batchOf(["once"], { producer }));
    let second = "";
    log.whenCommitted(0, ({ kind }) => second = kind);
    await outcome;
    assertEquals(second, "committed");
    log.whenCommitted(0, ({ kind }) => second = `late ${kind}`);
    assertEquals(second, "late committed");
  });

  test("refuses batches once it is closed", async (_place, store) => {
    const log = await store.open(partitionId());
    await appendValues(log, "a");
    await store.close();
    const error = assertThrows(() => startAppend(log, batchOf(["b"])), KafkaError);
    assertEquals(error.kind, "KAFKA_STORAGE_ERROR");
  });

  for (const size of [60_000, 65_536, 200_000, 900_000, 3_000_000]) {
    test(`stores batches of ${size} bytes among small ones`, async (place, store) => {
      const log = await store.open(partitionId());
      const value = "x".repeat(size);
      const outcomes = ["before", value, "between", value, "after"].map((text) =>
        appendValues(log, text)
      );
      assertEquals(await Promise.all(outcomes), [0, 1, 2, 3, 4]);
      const expected = [[0, "before"], [1, value], [2, "between"], [3, value], [4, "after"]];
      assertEquals(await recordsFrom(log), expected);
      await place.kill();
      const again = await (await place.open()).open(partitionId());
      assertEquals(await recordsFrom(again), expected);
    });
  }
}

function reads(test: Test): void {
  test("answers whole batches, the first one the one that holds the offset", async (_, store) => {
    const log = await store.open(partitionId());
    await appendValues(log, "a", "b", "c");
    await appendValues(log, "d", "e");
    const read = await log.read(whole(1));
    const headers = [...batchesIn(joined(read))].map(({ header }) => header);
    assertEquals(headers.map(({ baseOffset }) => baseOffset), [0, 3]);
    assertEquals(headers.map((header) => header.partitionLeaderEpoch), [
      log.leaderEpoch,
      log.leaderEpoch,
    ]);
    assertEquals([read.nextOffset, read.bytes], [5, joined(read).length]);
  });

  test("stops before the limit it is given, and at its budget", async (_place, store) => {
    const log = await store.open(partitionId());
    for (let at = 0; at < 4; at++) await appendValues(log, `v${at}`);
    assertEquals((await log.read(whole(0, 2))).nextOffset, 2);
    assertEquals((await log.read(whole(2, 2))).slices.length, 0);
    const one = (await log.read(whole(0, 1))).bytes;
    assertEquals((await log.read({ ...whole(0), maxBytes: one * 2 })).nextOffset, 2);
    assertEquals((await log.read({ ...whole(0), maxBytes: one * 2 - 1 })).nextOffset, 1);
    assertEquals((await log.read({ ...whole(0), maxBytes: 1 })).nextOffset, 1);
    assertEquals((await log.read({ ...whole(0), maxBytes: 1, minOneBatch: false })).bytes, 0);
  });

  test("refuses offsets outside of the log", async (_place, store) => {
    const log = await store.open(partitionId());
    await appendValues(log, "a", "b");
    const error = assertThrows(() => log.read(whole(3)), KafkaError);
    assertEquals(error.kind, "OFFSET_OUT_OF_RANGE");
    assertEquals((await log.read(whole(2))).bytes, 0);
  });

  test("reads in memory what was just written, without waiting", async (_place, store) => {
    const log = await store.open(partitionId());
    await appendValues(log, "a");
    assert(!(log.read(whole(0)) instanceof Promise));
  });
}

function restarts(test: Test): void {
  test("has everything acknowledged after a kill, and goes on behind it", async (place, store) => {
    const first = await store.open(partitionId());
    for (let at = 0; at < 30; at++) await appendValues(first, `v${at}`);
    await place.kill();
    const log = await (await place.open()).open(partitionId());
    assertEquals(await recordsFrom(log), Array.from({ length: 30 }, (_, at) => [at, `v${at}`]));
    assertEquals([log.logEndOffset, log.highWatermark], [30, 30]);
    assertEquals(await appendValues(log, "next"), 30);
    assertEquals(log.sizeBytes, joined(await log.read(whole(0))).length);
  });

  test(
    "rises its leader epoch with each start and remembers the ones before",
    async (place, store) => {
      const first = await store.open(partitionId());
      assertEquals(first.leaderEpoch, 0);
      assertEquals(first.epochs, [{ epoch: 0, startOffset: 0 }]);
      await appendValues(first, "a", "b");
      await place.kill();
      const second = await (await place.open()).open(partitionId());
      assertEquals(second.epochs, [{ epoch: 0, startOffset: 0 }, { epoch: 1, startOffset: 2 }]);
      await place.kill();
      const third = await (await place.open()).open(partitionId());
      assertEquals(third.leaderEpoch, 2);
      await appendValues(third, "c");
      assertEquals(third.epochs, [{ epoch: 0, startOffset: 0 }, { epoch: 2, startOffset: 2 }]);
    },
  );

  test("knows its producers after a kill", async (place, store) => {
    const producer = { producerId: 5n, producerEpoch: 1, baseSequence: 0 };
    const log = await store.open(partitionId());
    await append(log, batchOf(["a", "b"], { producer }));
    await place.kill();
    const again = await (await place.open()).open(partitionId());
    const header = [...batchesIn(batchOf(["a", "b"], { producer }))][0].header;
    assertEquals(again.producers.check(header), {
      kind: "duplicate",
      baseOffset: 0,
      lastOffset: 1,
      timestampMs: 1_000,
    });
    assertEquals(again.producers.check({ ...header, baseSequence: 2 }), { kind: "append" });
    const error = assertThrows(
      () => again.producers.check({ ...header, baseSequence: 3 }),
      KafkaError,
    );
    assertEquals(error.kind, "OUT_OF_ORDER_SEQUENCE_NUMBER");
  });

  test("lists the partitions that have data", async (place, store) => {
    await store.open(partitionId(0));
    for (const n of [1, 2]) await appendValues(await store.open(partitionId(n)), "v");
    const listed = (stored: LogStore) =>
      [...stored.stored()].map(({ partition }) => partition).sort();
    assertEquals(listed(store), [1, 2]);
    await place.kill();
    assertEquals(listed(await place.open()), [1, 2]);
  });
}

function times(test: Test): void {
  const withTimes = async (log: PartitionLog) => {
    for (const timestampsMs of [[100, 300], [250], [200, 900, 400], [500, 900]]) {
      await append(log, batchOf(timestampsMs.map((at) => `${at}`), { timestampsMs }));
    }
  };

  test("finds records by time, in any order of times", async (_place, store) => {
    const log = await store.open(partitionId());
    await withTimes(log);
    const found = async (timestampMs: number, before = Infinity) =>
      (await log.findByTimestamp(timestampMs, before))?.offset ?? null;
    assertEquals(await found(0), 0);
    assertEquals(await found(101), 1);
    assertEquals(await found(300), 1);
    assertEquals(await found(301), 4);
    assertEquals(await found(900), 4);
    assertEquals(await found(901), null);
    assertEquals(await found(301, 4), null);
    assertEquals(await log.findByTimestamp(301, Infinity), {
      offset: 4,
      timestampMs: 900,
      leaderEpoch: 0,
    });
  });

  test("finds the first record with the largest time", async (place, store) => {
    const log = await store.open(partitionId());
    assertEquals(await log.findMaxTimestamp(), null);
    await withTimes(log);
    assertEquals(log.maxTimestampMs, 900);
    assertEquals((await log.findMaxTimestamp())?.offset, 4);
    await place.kill();
    const again = await (await place.open()).open(partitionId());
    assertEquals((await again.findMaxTimestamp())?.offset, 4);
    await again.advanceLogStart(5);
    assertEquals(await again.findMaxTimestamp(), { offset: 7, timestampMs: 900, leaderEpoch: 0 });
    await again.advanceLogStart(8);
    assertEquals(await again.findMaxTimestamp(), null);
  });
}

function transactions(test: Test): void {
  const begin = (
    log: PartitionLog,
    producerId: bigint,
    baseSequence: number,
    ...values: string[]
  ) =>
    append(
      log,
      batchOf(values, {
        transactional: true,
        producer: { producerId, producerEpoch: 0, baseSequence },
      }),
    );
  const end = (log: PartitionLog, producerId: bigint, result: "commit" | "abort") =>
    append(
      log,
      controlBatch({ result, producerId, producerEpoch: 0, coordinatorEpoch: 3, timestampMs: 5 }),
    );

  test("holds the last stable offset at the oldest open transaction", async (place, store) => {
    const log = await store.open(partitionId());
    await appendValues(log, "plain");
    await begin(log, 1n, 0, "a");
    await begin(log, 2n, 0, "b");
    assertEquals(log.lastStableOffset, 1);
    await end(log, 1n, "commit");
    assertEquals(log.lastStableOffset, 2);
    await place.kill();
    const again = await (await place.open()).open(partitionId());
    assertEquals(again.lastStableOffset, 2);
    await end(again, 2n, "abort");
    assertEquals(again.lastStableOffset, 5);
    assertEquals(await again.abortedTransactions(0, 5), [
      { producerId: 2n, firstOffset: 2, lastOffset: 4 },
    ]);
    assertEquals(await again.abortedTransactions(0, 2), []);
    assertEquals(await again.abortedTransactions(4, 5), [
      { producerId: 2n, firstOffset: 2, lastOffset: 4 },
    ]);
  });

  test("knows aborted transactions and coordinator epochs after a kill", async (place, store) => {
    const log = await store.open(partitionId());
    await begin(log, 1n, 0, "a", "b");
    await end(log, 1n, "abort");
    await place.kill();
    const again = await (await place.open()).open(partitionId());
    assertEquals(await again.abortedTransactions(0, 3), [
      { producerId: 1n, firstOffset: 0, lastOffset: 2 },
    ]);
    assertEquals(again.producers.describe()[0].coordinatorEpoch, 3);
  });

  test("does not end a transaction before its marker is durable", async (_place, store) => {
    const log = await store.open(partitionId());
    await begin(log, 1n, 0, "a");
    const marker = controlBatch({
      result: "abort",
      producerId: 1n,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      timestampMs: 5,
    });
    const { outcome } = startAppend(log, marker);
    assertEquals(log.lastStableOffset, 0);
    await outcome;
    assertEquals(log.lastStableOffset, 2);
  });
}

function deletions(test: Test): void {
  test("raises the start of a log, durably", async (place, store) => {
    const log = await store.open(partitionId());
    for (let at = 0; at < 5; at++) await appendValues(log, `v${at}`);
    await log.advanceLogStart(3);
    await log.advanceLogStart(1);
    assertEquals(log.logStartOffset, 3);
    assertThrows(() => log.read(whole(2)), KafkaError);
    await place.kill();
    const again = await (await place.open()).open(partitionId());
    assertEquals(again.logStartOffset, 3);
    assertEquals(await recordsFrom(again), [[3, "v3"], [4, "v4"]]);
    const error = await assertRejects(() => again.advanceLogStart(6), KafkaError);
    assertEquals(error.kind, "OFFSET_OUT_OF_RANGE");
  });

  test("forgets removed partitions for good, and only those", async (place, store) => {
    const [gone, kept] = await Promise.all([
      store.open(partitionId(0)),
      store.open(partitionId(1)),
    ]);
    await appendValues(gone, "a");
    await appendValues(kept, "b");
    await store.remove([partitionId(0)]);
    await store.remove([partitionId(0)]);
    assertInstanceOf(assertThrows(() => startAppend(gone, batchOf(["late"]))), KafkaError);
    assertEquals([...store.stored()], [partitionId(1)]);
    await place.kill();
    const again = await place.open();
    assertEquals([...again.stored()], [partitionId(1)]);
    assertEquals((await again.open(partitionId(0))).logEndOffset, 0);
    assertEquals(await recordsFrom(await again.open(partitionId(1))), [[0, "b"]]);
  });
}
