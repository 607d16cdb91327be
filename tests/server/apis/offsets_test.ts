import { assertEquals } from "@std/assert";
import {
  listOffsetsRequest,
  listOffsetsResponse,
} from "../../../protocol/messages/02_list_offsets.ts";
import {
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
} from "../../../protocol/messages/23_offset_for_leader_epoch.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { startBroker } from "../support.ts";
import { createTopic, PRODUCE, produceTo } from "../topics.ts";

const LIST = [listOffsetsRequest, listOffsetsResponse] as const;
const EPOCHS = [offsetForLeaderEpochRequest, offsetForLeaderEpochResponse] as const;
const NOW = 1_700_000_000_000;

/** A broker whose topic "a" has records of these times in partition 0, and none in partition 1. */
async function withRecords(...ages: number[]) {
  const broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 2);
  for (const age of ages) {
    const records = buildBatch([{ value: new Uint8Array(1), timestampMs: NOW - age }]);
    await client.ask(PRODUCE, 9, produceTo("a", 0, records));
  }
  return broker;
}

function listing(...wanted: readonly (readonly [partition: number, timestamp: number])[]) {
  return {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{
      name: "a",
      partitions: wanted.map(([partitionIndex, timestamp]) => ({
        partitionIndex,
        timestamp: BigInt(timestamp),
      })),
    }],
  };
}

Deno.test("ListOffsets finds the ends of the log and points in time, in every version", async () => {
  await using broker = await withRecords(300, 200, 100);
  using client = broker.connect();
  for (let version = 1; version <= 11; version++) {
    const asked = [[0, -1], [0, -2]] as const;
    const found = async (...wanted: readonly (readonly [number, number])[]) => {
      const { topics } = await client.ask(LIST, version, listing(...wanted));
      return topics[0].partitions.map(({ errorCode, offset, timestamp }) => [
        errorCode,
        Number(offset),
        Number(timestamp),
      ]);
    };
    assertEquals(await found(asked[0]), [[0, 3, -1]], `v${version}`);
    assertEquals(await found(asked[1]), [[0, 0, -1]]);
    assertEquals(await found([0, NOW - 250]), [[0, 1, NOW - 200]]);
    assertEquals(await found([0, NOW + 1]), [[0, -1, -1]]);
    assertEquals(await found([1, NOW - 250]), [[0, -1, -1]]);
    assertEquals(await found([1, -1]), [[0, 0, -1]]);
  }
});

Deno.test("ListOffsets knows each special timestamp from its version on", async () => {
  await using broker = await withRecords(100, 300);
  using client = broker.connect();
  const found = async (version: number, timestamp: number) => {
    const { topics } = await client.ask(LIST, version, listing([0, timestamp]));
    const [{ errorCode, offset }] = topics[0].partitions;
    return errorCode === 0 ? Number(offset) : `error ${errorCode}`;
  };
  assertEquals([await found(6, -3), await found(7, -3)], ["error 35", 0]);
  assertEquals([await found(7, -4), await found(8, -4)], ["error 35", 0]);
  assertEquals([await found(8, -5), await found(9, -5)], ["error 35", -1]);
  assertEquals([await found(10, -6), await found(11, -6)], ["error 35", -1]);
  assertEquals(await found(11, -7), "error 35");
});

Deno.test("ListOffsets tells leader epochs from version 4 on", async () => {
  await using broker = await withRecords(100);
  using client = broker.connect();
  for (const version of [3, 4, 11]) {
    const { topics } = await client.ask(LIST, version, listing([0, -2]));
    assertEquals(topics[0].partitions[0].leaderEpoch >= 0, version >= 4);
  }
});

Deno.test("ListOffsets answers unknown partitions, and such that are there twice, on their own", async () => {
  await using broker = await withRecords(100);
  using client = broker.connect();
  const request = listing([0, -1], [9, -1], [1, -1], [1, -2]);
  const { topics } = await client.ask(LIST, 7, request);
  assertEquals(topics[0].partitions.map(({ errorCode }) => errorCode), [0, 3, 42, 42]);
  const elsewhere = await client.ask(LIST, 7, {
    ...request,
    topics: [{ ...request.topics[0], name: "b" }],
  });
  assertEquals(elsewhere.topics[0].partitions.map(({ errorCode }) => errorCode), [3, 3, 42, 42]);
});

Deno.test("OffsetForLeaderEpoch tells where the current epoch ends, and -1 for one to come", async () => {
  await using broker = await withRecords(300, 200);
  using client = broker.connect();
  const { topics: listed } = await client.ask(LIST, 4, listing([0, -1]));
  const { leaderEpoch } = listed[0].partitions[0];
  for (const version of [2, 3, 4]) {
    const { topics } = await client.ask(EPOCHS, version, {
      topics: [{
        topic: "a",
        partitions: [
          { partition: 0, leaderEpoch },
          { partition: 0, leaderEpoch: leaderEpoch + 5 },
          { partition: 0, leaderEpoch, currentLeaderEpoch: leaderEpoch + 1 },
          { partition: 7, leaderEpoch },
        ],
      }],
    });
    assertEquals(
      topics[0].partitions.map(({ errorCode, leaderEpoch, endOffset }) => [
        errorCode,
        leaderEpoch,
        Number(endOffset),
      ]),
      [[0, leaderEpoch, 2], [0, -1, -1], [75, -1, -1], [3, -1, -1]],
    );
  }
});
