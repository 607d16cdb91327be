import { assertEquals } from "@std/assert";
import { lookUpOffset } from "../../../actors/partition/list_offset.ts";
import { MAX_TIMESTAMP } from "../../../actors/partition/messages.ts";
import { append, batchOf, LogWorld, partitionId } from "../../storage/log/log_world.ts";

const NOTHING = { offset: -1, timestampMs: -1, leaderEpoch: -1 };

// As Kafka 4.3 answers, which was asked with confluent-kafka.
Deno.test("ListOffsets finds no record at or after a time, nor the latest one, where it is in an open transaction", async () => {
  const world = await LogWorld.open();
  const log = await world.store.open(partitionId());
  await append(log, batchOf(["a"], { timestampsMs: [10] }));
  await append(
    log,
    batchOf(["b"], {
      timestampsMs: [20],
      producer: { producerId: 1n, producerEpoch: 0, baseSequence: 0 },
      transactional: true,
    }),
  );
  const { highWatermark, lastStableOffset, leaderEpoch } = log;
  assertEquals([highWatermark, lastStableOffset], [2, 1]);
  for (const asked of [15, MAX_TIMESTAMP]) {
    assertEquals(await lookUpOffset(log, asked, highWatermark), {
      offset: 1,
      timestampMs: 20,
      leaderEpoch,
    });
    assertEquals(await lookUpOffset(log, asked, lastStableOffset), NOTHING);
  }
});

// Kafka answers with the deleted record here, which nobody can fetch.
Deno.test("ListOffsets finds the latest record among those that are there", async () => {
  const world = await LogWorld.open();
  const log = await world.store.open(partitionId());
  for (const timestampMs of [90, 10, 50]) {
    await append(log, batchOf(["a"], { timestampsMs: [timestampMs] }));
  }
  await log.advanceLogStart(1);
  assertEquals((await lookUpOffset(log, MAX_TIMESTAMP, log.highWatermark)).offset, 2);
  assertEquals(await lookUpOffset(log, 60, log.highWatermark), NOTHING);
});
