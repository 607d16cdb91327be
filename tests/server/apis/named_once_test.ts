/** An answer must not grow with how often a request names the same thing: a few bytes more would buy kilobytes. */
import { assert, assertEquals } from "@std/assert";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../../protocol/messages/08_offset_commit.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../../protocol/messages/09_offset_fetch.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../../protocol/messages/10_find_coordinator.ts";
import {
  describeGroupsRequest,
  describeGroupsResponse,
} from "../../../protocol/messages/15_describe_groups.ts";
import {
  describeConfigsRequest,
  describeConfigsResponse,
} from "../../../protocol/messages/32_describe_configs.ts";
import {
  describeLogDirsRequest,
  describeLogDirsResponse,
} from "../../../protocol/messages/35_describe_log_dirs.ts";
import {
  electLeadersRequest,
  electLeadersResponse,
} from "../../../protocol/messages/43_elect_leaders.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../../protocol/messages/61_describe_producers.ts";
import {
  describeTransactionsRequest,
  describeTransactionsResponse,
} from "../../../protocol/messages/65_describe_transactions.ts";
import { startBroker, type TestBroker, type WireClient } from "../support.ts";
import { createTopic } from "../topics.ts";

const TIMES = 50;
const TOPIC = 2;
const BROKER = 4;

function times<T>(count: number, item: T): T[] {
  return Array(count).fill(item);
}

/** What is answered when everything is named so often. */
type Ask = (client: WireClient, count: number) => Promise<unknown>;

const CASES: Readonly<Record<string, Ask>> = {
  DescribeConfigs: (client, count) =>
    client.ask([describeConfigsRequest, describeConfigsResponse], 4, {
      resources: times(count, [
        { resourceType: TOPIC, resourceName: "t", configurationKeys: null },
        { resourceType: BROKER, resourceName: "1", configurationKeys: null },
      ]).flat(),
      includeDocumentation: true,
    }),
  "OffsetFetch of one group": (client, count) =>
    client.ask([offsetFetchRequest, offsetFetchResponse], 7, {
      groupId: "g",
      topics: times(count, { name: "t", partitionIndexes: times(count, 0) }),
      requireStable: false,
    }),
  "OffsetFetch of several groups": (client, count) =>
    client.ask([offsetFetchRequest, offsetFetchResponse], 8, {
      groups: times(count, { groupId: "g", topics: null }),
      requireStable: false,
    }),
  DescribeGroups: (client, count) =>
    client.ask([describeGroupsRequest, describeGroupsResponse], 5, {
      groups: times(count, "g"),
      includeAuthorizedOperations: false,
    }),
  DescribeLogDirs: (client, count) =>
    client.ask([describeLogDirsRequest, describeLogDirsResponse], 4, {
      topics: times(count, { topic: "t", partitions: times(count, 1) }),
    }),
  DescribeProducers: (client, count) =>
    client.ask([describeProducersRequest, describeProducersResponse], 0, {
      topics: times(count, { name: "t", partitionIndexes: times(count, 1) }),
    }),
  DescribeTransactions: (client, count) =>
    client.ask([describeTransactionsRequest, describeTransactionsResponse], 0, {
      transactionalIds: times(count, "tx"),
    }),
  ElectLeaders: (client, count) =>
    client.ask([electLeadersRequest, electLeadersResponse], 2, {
      electionType: 0,
      topicPartitions: times(count, { topic: "t", partitions: times(count, 1) }),
      timeoutMs: 1000,
    }),
  FindCoordinator: (client, count) =>
    client.ask([findCoordinatorRequest, findCoordinatorResponse], 4, {
      keyType: 0,
      coordinatorKeys: times(count, "g"),
    }),
};

/** A broker with a topic, and a group that has committed. */
async function startNamed(): Promise<TestBroker> {
  const broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "t", 2);
  const { topics } = await client.ask([offsetCommitRequest, offsetCommitResponse], 8, {
    groupId: "g",
    generationIdOrMemberEpoch: -1,
    memberId: "",
    topics: [{
      name: "t",
      partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: "x".repeat(4000) }],
    }],
  });
  assertEquals(topics[0].partitions[0].errorCode, 0);
  return broker;
}

for (const [name, ask] of Object.entries(CASES)) {
  Deno.test(`${name} answers once what a request names ${TIMES} times`, async () => {
    await using broker = await startNamed();
    using client = broker.connect();
    assertEquals(await ask(client, TIMES), await ask(client, 1));
  });
}

Deno.test("DescribeConfigs tells of a resource that is named twice what either asks for", async () => {
  await using broker = await startNamed();
  using client = broker.connect();
  const wanted = (...keys: (string[] | null)[]) =>
    client.ask([describeConfigsRequest, describeConfigsResponse], 4, {
      resources: keys.map((configurationKeys) => ({
        resourceType: TOPIC,
        resourceName: "t",
        configurationKeys,
      })),
    });
  const names = async (...keys: (string[] | null)[]) => {
    const { results } = await wanted(...keys);
    assertEquals(results.length, 1);
    return results[0].configs.map(({ name }) => name).sort();
  };
  assertEquals(await names(["retention.ms"], ["segment.ms", "retention.ms"]), [
    "retention.ms",
    "segment.ms",
  ]);
  assert((await names(["retention.ms"], null)).length > 20);
  assertEquals(await names([]), await names(null), "no name asks for all, as in Kafka");
});

Deno.test("OffsetFetch tells of a group that is named twice what either asks for", async () => {
  await using broker = await startNamed();
  using client = broker.connect();
  const { groups } = await client.ask([offsetFetchRequest, offsetFetchResponse], 8, {
    groups: [0, 1].map((partition) => ({
      groupId: "g",
      topics: [{ name: "t", partitionIndexes: [partition] }],
    })),
    requireStable: false,
  });
  assertEquals(
    groups.map(({ topics }) =>
      topics.map(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset))
    ),
    [[[7n, -1n]]],
  );
});
