import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { KafkaError } from "../../protocol/errors.ts";
import {
  listOffsetsRequest,
  listOffsetsResponse,
} from "../../protocol/messages/02_list_offsets.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../protocol/messages/10_find_coordinator.ts";
import {
  describeGroupsRequest,
  describeGroupsResponse,
} from "../../protocol/messages/15_describe_groups.ts";
import {
  describeConfigsRequest,
  describeConfigsResponse,
} from "../../protocol/messages/32_describe_configs.ts";
import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../protocol/messages/42_delete_groups.ts";
import {
  apiVersionsRequest,
  apiVersionsResponse,
} from "../../protocol/messages/18_api_versions.ts";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../../protocol/messages/21_delete_records.ts";
import {
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
} from "../../protocol/messages/23_offset_for_leader_epoch.ts";
import {
  writeTxnMarkersRequest,
  writeTxnMarkersResponse,
} from "../../protocol/messages/27_write_txn_markers.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../protocol/messages/61_describe_producers.ts";
import type { Draft, Infer, Schema } from "../../protocol/schema/mod.ts";
import { answerPartitions, TURN_ITEMS } from "../../server/item_turns.ts";
import { checkPartition, topicNamed, topicOfId } from "../../server/topics.ts";
import { settle } from "../support/manual_environment.ts";
import { startBroker, type TestBroker, type WireClient } from "./support.ts";
import { createTopic, FETCH, fetchFrom } from "./topics.ts";

Deno.test("Partitions of a request are begun a thousand to a turn, in order, their topic looked at once", async () => {
  const { timers, advance } = boundEnvironment();
  const looked: string[] = [];
  const begun: number[] = [];
  const topics = [{ name: "a", from: 0, end: 1500 }, { name: "b", from: 1500, end: 2400 }];
  const answers = answerPartitions(topics, timers, {
    partitions: ({ from, end }) => Array.from({ length: end - from }, (_, at) => from + at),
    topic: ({ name }) => {
      looked.push(name);
      return (partition) => {
        begun.push(partition);
        // Some are answered at once, some are under way: the order is the same.
        return partition % 2 === 0 ? partition : Promise.resolve(partition);
      };
    },
  });
  const counts: number[] = [];
  do {
    await settle();
    counts.push(begun.length);
  } while (await advance());
  // The topics count as well.
  assertEquals(counts, [TURN_ITEMS - 1, 2 * TURN_ITEMS - 2, 2400]);
  assertEquals(looked, ["a", "b"]);
  assertEquals((await answers).flat(), Array.from({ length: 2400 }, (_, at) => at));
  assertEquals((await answers).map(({ length }) => length), [1500, 900]);
});

Deno.test("Partitions of an ordinary request are begun before anything else happens", () => {
  const { timers } = boundEnvironment();
  const begun: number[] = [];
  answerPartitions([0, 1, 2], timers, {
    partitions: (topic) => Array.from({ length: 300 }, (_, at) => 300 * topic + at),
    topic: () => (partition) => begun.push(partition),
  });
  assertEquals(begun.length, 900);
});

/** A world with one timer after another; `advance` lets the one that is due fire, if there is one. */
function boundEnvironment() {
  const due: (() => void)[] = [];
  return {
    timers: {
      schedule: (_delayMs: number, callback: () => void) => {
        due.push(callback);
        return { cancel: () => {} };
      },
    },
    advance: () => {
      const next = due.shift();
      next?.();
      return next !== undefined;
    },
  };
}

Deno.test("What is not there costs one error, not one for each partition: 100 000 of them took 4 s", () => {
  const metadata = { topics: new Map(), topicsById: new Map() } as unknown as Parameters<
    typeof topicNamed
  >[1];
  const topic = { partitionCount: 1 } as Parameters<typeof checkPartition>[1];
  for (
    const look of [
      () => topicNamed("none", metadata),
      () => topicOfId("AAAAAAAAAAAAAAAAAAAAAQ", metadata),
      () => checkPartition(1, topic),
    ]
  ) {
    assertStrictEquals(assertThrows(look, KafkaError), assertThrows(look, KafkaError));
  }
});

/** More than fit into three turns. */
const MANY = 3 * TURN_ITEMS + 500;
const indexes = Array.from({ length: MANY }, (_, at) => at);

/** A request for many partitions of one topic, and the error codes that answer it. */
function many<Q extends Schema, R extends Schema>(
  apis: readonly [Q, R],
  version: number,
  draft: Draft<Q>,
  codes: (answer: Infer<R>) => readonly number[],
) {
  return {
    name: apis[0].name,
    ask: async (client: WireClient) => codes(await client.ask(apis, version, draft)),
  };
}

function requestsFor(name: string) {
  return [
    many(
      FETCH,
      12,
      fetchFrom({ topic: name }, indexes.map((partition) => ({ partition }))),
      ({ responses }) => responses[0].partitions.map(({ errorCode }) => errorCode),
    ),
    many(
      [listOffsetsRequest, listOffsetsResponse],
      6,
      {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{
          name,
          partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp: -1n })),
        }],
      },
      ({ topics }) => topics[0].partitions.map(({ errorCode }) => errorCode),
    ),
    many(
      [offsetForLeaderEpochRequest, offsetForLeaderEpochResponse],
      4,
      {
        replicaId: -1,
        topics: [{
          topic: name,
          partitions: indexes.map((partition) => ({
            partition,
            currentLeaderEpoch: -1,
            leaderEpoch: 0,
          })),
        }],
      },
      ({ topics }) => topics[0].partitions.map(({ errorCode }) => errorCode),
    ),
    many(
      [deleteRecordsRequest, deleteRecordsResponse],
      2,
      {
        topics: [{
          name,
          partitions: indexes.map((partitionIndex) => ({ partitionIndex, offset: 0n })),
        }],
        timeoutMs: 1000,
      },
      ({ topics }) => topics[0].partitions.map(({ errorCode }) => errorCode),
    ),
    many(
      [describeProducersRequest, describeProducersResponse],
      0,
      { topics: [{ name, partitionIndexes: indexes }] },
      ({ topics }) => topics[0].partitions.map(({ errorCode }) => errorCode),
    ),
    many(
      [writeTxnMarkersRequest, writeTxnMarkersResponse],
      1,
      {
        markers: [{
          producerId: 1n,
          producerEpoch: 0,
          transactionResult: true,
          coordinatorEpoch: 0,
          topics: [{ name, partitionIndexes: indexes }],
        }],
      },
      ({ markers }) => markers[0].topics[0].partitions.map(({ errorCode }) => errorCode),
    ),
  ];
}

const names = indexes.map((at) => `group-${at}`);

function requestsForNames() {
  return [
    many(
      [findCoordinatorRequest, findCoordinatorResponse],
      4,
      { keyType: 7, coordinatorKeys: names },
      ({ coordinators }) => coordinators.map(({ errorCode }) => errorCode),
    ),
    many(
      [describeGroupsRequest, describeGroupsResponse],
      6,
      { groups: names, includeAuthorizedOperations: false },
      ({ groups }) => groups.map(({ errorCode }) => errorCode),
    ),
    many(
      [deleteGroupsRequest, deleteGroupsResponse],
      2,
      { groupsNames: names },
      ({ results }) => results.map(({ errorCode }) => errorCode),
    ),
    many(
      [offsetFetchRequest, offsetFetchResponse],
      8,
      { groups: names.map((groupId) => ({ groupId, topics: null })), requireStable: false },
      ({ groups }) => groups.map(({ errorCode }) => errorCode),
    ),
    many(
      [describeConfigsRequest, describeConfigsResponse],
      4,
      {
        resources: names.map((resourceName) => ({
          resourceType: 9,
          resourceName,
          configurationKeys: null,
        })),
        includeSynonyms: false,
        includeDocumentation: false,
      },
      ({ results }) => results.map(({ errorCode }) => errorCode),
    ),
  ];
}

/** Somebody else is answered while the request waits for its next turn. */
async function codesInTurns(
  broker: TestBroker,
  other: WireClient,
  { name, ask }: ReturnType<typeof many>,
): Promise<readonly number[] | null> {
  using client = broker.connect();
  const state: { codes: readonly number[] | null } = { codes: null };
  const asked = ask(client).then((codes) => state.codes = codes);
  await settle();
  await settle();
  await other.ask([apiVersionsRequest, apiVersionsResponse], 0, {});
  assertEquals(state.codes, null, `${name} was answered in one turn`);
  await broker.environment.advance(0);
  await asked;
  return state.codes;
}

Deno.test("Requests for thousands of groups or resources let others have their turn", async () => {
  await using broker = await startBroker();
  using other = broker.connect();
  // What each of them is answered alone is told by the tests of its API.
  const codes = [42, 69, 69, 0, 42];
  for (const [at, request] of requestsForNames().entries()) {
    assertEquals(
      await codesInTurns(broker, other, request),
      names.map(() => codes[at]),
      request.name,
    );
  }
});

for (const topic of ["unknown", "known"]) {
  Deno.test(`Requests for thousands of partitions of a topic (${topic}) let others have their turn`, async () => {
    await using broker = await startBroker();
    using other = broker.connect();
    await createTopic(other, "known", 1);
    const unknown = indexes.map(() => 3);
    const expected = topic === "known" ? [0, ...unknown.slice(1)] : unknown;
    for (const request of requestsFor(topic)) {
      assertEquals(await codesInTurns(broker, other, request), expected, request.name);
    }
  });
}
