import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { controlBatch } from "../../../protocol/records/control.ts";
import { recordsIn } from "../../../protocol/records/records.ts";
import type { PartitionLog, TimestampedOffset } from "../../../storage/log/partition_log.ts";
import { PartitionIndex } from "../../../storage/log/partition_index.ts";
import {
  append,
  batchesFrom,
  keyedBatch,
  type KeyedValue,
  LogWorld,
  partitionId,
  topicConfig,
} from "./log_world.ts";

const filler = "x".repeat(300);

/** One step of a random history. */
type Step =
  | { readonly kind: "append"; readonly records: readonly Keyed[]; readonly transactional: boolean }
  | { readonly kind: "end"; readonly commit: boolean; readonly timestampMs: number }
  | { readonly kind: "cut"; readonly share: number }
  | { readonly kind: "clean" }
  | { readonly kind: "restart" };
type Keyed = readonly [key: number, timestampMs: number];

// Few different ones: equal timestamps matter. -1 stands for a record without.
const timestampMs = fc.constantFrom(-1, 0, 10, 20, 30, 40, 1_000, 2_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      records: fc.array(fc.tuple(fc.nat(9), timestampMs), { minLength: 1, maxLength: 4 }),
      transactional: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      commit: fc.boolean(),
      timestampMs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clean" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

/** Every record that is stored, those of markers included, by looking at each. */
async function allRecords(log: PartitionLog): Promise<TimestampedOffset[]> {
  const all: TimestampedOffset[] = [];
  for await (const { header, bytes } of batchesFrom(log)) {
    for (const { offset, timestampMs } of recordsIn(bytes)) {
      const leaderEpoch = header.partitionLeaderEpoch;
      if (offset >= log.logStartOffset) all.push({ offset, timestampMs, leaderEpoch });
    }
  }
  return all;
}

async function check(log: PartitionLog): Promise<void> {
  const all = await allRecords(log);
  const bounds = [0, log.logStartOffset + 1, log.lastStableOffset, log.highWatermark, Infinity];
  for (const before of bounds) {
    const visible = all.filter(({ offset }) => offset < before);
    for (const timestampMs of [0, 1, 10, 15, 40, 999, 1_000, 2_000, 2_001]) {
      const expected = visible.find((record) => record.timestampMs >= timestampMs) ?? null;
      assertEquals(
        await log.findByTimestamp(timestampMs, before),
        expected,
        `at ${timestampMs} before ${before}`,
      );
    }
  }
  const latest = Math.max(...all.map(({ timestampMs }) => timestampMs));
  const expected = all.find(({ timestampMs }) => timestampMs === latest) ?? null;
  assertEquals(await log.findMaxTimestamp(), expected);
}

class History {
  readonly #sequences = new Map<bigint, number>();
  log!: PartitionLog;

  constructor(readonly world: LogWorld) {}

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "append":
        return await this.#append(step);
      case "end":
        await append(
          this.log,
          controlBatch({
            result: step.commit ? "commit" : "abort",
            producerId: 2n,
            producerEpoch: 0,
            coordinatorEpoch: 0,
            timestampMs: step.timestampMs,
          }),
        );
        return;
      case "cut":
        return await this.log.advanceLogStart(Math.floor(this.log.highWatermark * step.share));
      case "clean":
        return await this.world.clean();
      case "restart":
        await this.world.restart();
        this.log = await this.world.store.open(partitionId());
    }
  }

  async #append({ records, transactional }: Step & { kind: "append" }): Promise<void> {
    const producerId = transactional ? 2n : 1n;
    const baseSequence = this.#sequences.get(producerId) ?? 0;
    this.#sequences.set(producerId, baseSequence + records.length);
    const values = records.map(([key]): KeyedValue => [`key ${key}`, filler]);
    const timestampsMs = records.map(([, timestampMs]) => timestampMs);
    const producer = { producerId, producerEpoch: 0, baseSequence };
    await append(this.log, keyedBatch(values, { timestampsMs, producer, transactional }));
  }
}

for (const policy of ["delete", "compact", "compact,delete"]) {
  Deno.test(`Time search finds what a look at every record finds, with cleanup.policy=${policy}`, async () => {
    const config = topicConfig({
      "cleanup.policy": policy,
      "min.cleanable.dirty.ratio": "0",
      "delete.retention.ms": "0",
      "retention.ms": "-1",
      "retention.bytes": policy === "delete" ? "9000" : "-1",
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const options = { files: 1, shardsPerFile: 1, segmentBytes: 3_000, cacheBytesMax: 5_000 };
        const history = new History(await LogWorld.open(options, () => config));
        history.log = await history.world.store.open(partitionId());
        for (const step of steps) {
          await history.take(step);
          if (step.kind !== "append") await check(history.log);
        }
        await check(history.log);
      }),
      { numRuns: 20 },
    );
  });
}

Deno.test("Time search reads as little of a long log as of a short one, whatever lies in front of its start", async () => {
  const reads: number[] = [];
  for (const segments of [4, 64]) {
    const world = await LogWorld.open({
      files: 1,
      shardsPerFile: 1,
      segmentBytes: 1_500,
      cacheBytesMax: 0,
    });
    const log = await world.store.open(partitionId());
    for (let n = 0; n < segments * 4; n++) {
      // The latest of all is the very first one, which is gone; else they rise, each fourth is late.
      const timestampsMs = [n === 0 ? 1e9 : n % 4 === 3 ? n - 3 : n];
      await append(log, keyedBatch([["a", filler]], { timestampsMs }));
    }
    await log.advanceLogStart(1);
    const before = world.read.entries;
    assertEquals((await log.findByTimestamp(segments * 2, 1e9))?.offset, segments * 2);
    assertEquals((await log.findMaxTimestamp())?.offset, segments * 4 - 2);
    assertEquals(await log.findByTimestamp(segments * 4, 1e9), null);
    reads.push(world.read.entries - before);
  }
  assertEquals(reads[0], reads[1], `${reads}`);
});

Deno.test("Index of a partition finds aborted transactions by the offset where they began, among thousands of parts", () => {
  const index = new PartitionIndex(partitionId());
  const PARTS = 5_000;
  for (let n = 0; n < PARTS; n++) {
    index.addClosed({
      segment: n,
      firstOffset: n * 10,
      endOffset: n * 10 + 10,
      bytes: 1,
      maxTimestampMs: n,
      firstTimestampMs: n,
      detailPosition: 0,
      detailBytes: 0,
      abortedFrom: n % 100 === 50 ? n * 10 - 25 : Infinity,
      dirtyFrom: 0,
    }, []);
  }
  assertEquals(index.partNumberAt(2_005), 200);
  assertEquals(index.nextAborted(200, 2_475), -1);
  assertEquals(index.nextAborted(200, 2_476), 250);
  assertEquals(index.nextAborted(251, 2_476), -1);
});
