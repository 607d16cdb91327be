import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { metadataRequest, metadataResponse } from "../../../protocol/messages/03_metadata.ts";
import { ZERO_UUID } from "../../../protocol/uuid.ts";
import { startBroker, type TestBroker } from "../support.ts";
import { createTopic } from "../topics.ts";

const METADATA = [metadataRequest, metadataResponse] as const;

async function withTopics(...names: string[]): Promise<TestBroker> {
  const broker = await startBroker();
  using client = broker.connect();
  for (const name of names) await createTopic(client, name, 2);
  return broker;
}

Deno.test("Metadata describes the broker, the cluster and the partitions, in every version", async () => {
  await using broker = await withTopics("a");
  using client = broker.connect();
  for (let version = 0; version <= 13; version++) {
    const answer = await client.ask(METADATA, version, { topics: [{ name: "a" }] });
    assertEquals(answer.brokers.map(({ nodeId }) => nodeId), [1]);
    if (version >= 1) assertEquals(answer.controllerId, 1);
    if (version >= 2) assertEquals(answer.clusterId, "AAAAAAAAAAAAAAAAAAAAAA");
    const [{ errorCode, name, partitions, topicId, isInternal }] = answer.topics;
    assertEquals([errorCode, name, isInternal], [0, "a", false]);
    if (version >= 10) assertNotEquals(topicId, ZERO_UUID);
    assertEquals(partitions.map(({ partitionIndex }) => partitionIndex), [0, 1]);
    for (const { leaderId, leaderEpoch, replicaNodes, isrNodes } of partitions) {
      assertEquals([leaderId, replicaNodes, isrNodes], [1, [1], [1]]);
      if (version >= 7) assert(leaderEpoch >= 0);
    }
    assertEquals(answer.clusterAuthorizedOperations, -2147483648);
  }
});

Deno.test("Metadata means all topics by null, and in version 0 by an empty list", async () => {
  await using broker = await withTopics("a", "b");
  using client = broker.connect();
  const count = async (version: number, topics: readonly [] | null) =>
    (await client.ask(METADATA, version, { topics })).topics.length;
  assertEquals(await count(0, []), 2);
  assertEquals(await count(1, []), 0);
  assertEquals(await count(1, null), 2);
  assertEquals(await count(13, []), 0);
  assertEquals(await count(13, null), 2);
});

Deno.test("Metadata creates a topic that is asked for, and answers with it", async () => {
  await using broker = await startBroker({ "num.partitions": "3" });
  using client = broker.connect();
  for (const version of [0, 3, 4, 13]) {
    const name = `new-${version}`;
    const { topics } = await client.ask(METADATA, version, { topics: [{ name }, { name }] });
    assertEquals(topics.map(({ errorCode, partitions }) => [errorCode, partitions.length]), [[
      0,
      3,
    ]]);
  }
});

Deno.test("Metadata creates no topic where the client, the broker or the name forbids it", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const code = async (name: string, allowAutoTopicCreation = true) => {
    const { topics } = await client.ask(METADATA, 12, {
      topics: [{ name }],
      allowAutoTopicCreation,
    });
    return topics[0].errorCode;
  };
  assertEquals(await code("a", false), 3);
  assertEquals(await code("a b"), 17);
  assertEquals(await code(""), 17);
  assertEquals(await code("."), 17);
  assertEquals(await code("x".repeat(250), false), 17);
  assertEquals(await code("a.b"), 0);
  assertEquals(await code("a_b"), 17, "it collides with a.b");

  await using strict = await startBroker({ "auto.create.topics.enable": "false" });
  using other = strict.connect();
  const { topics } = await other.ask(METADATA, 12, { topics: [{ name: "a" }] });
  assertEquals(topics.map(({ errorCode, name }) => [errorCode, name]), [[3, "a"]]);
});

Deno.test("Metadata finds topics by id from version 12 on", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const topicId = await createTopic(client, "a");
  const unknown = "BBBBBBBBBBBBBBBBBBBBBA";
  const { topics } = await client.ask(METADATA, 12, {
    topics: [{ topicId, name: null }, { topicId: unknown, name: null }],
  });
  assertEquals(topics.map(({ errorCode, name, topicId }) => [errorCode, name, topicId]), [
    [0, "a", topicId],
    [100, null, unknown],
  ]);
  const early = await client.ask(METADATA, 10, { topics: [{ topicId, name: "a" }] });
  assertEquals(early.topics.map(({ errorCode }) => errorCode), [42]);
});

Deno.test("Metadata tells the operations that are allowed where it is asked to", async () => {
  await using broker = await withTopics("a");
  using client = broker.connect();
  const answer = await client.ask(METADATA, 9, {
    topics: [{ name: "a" }],
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
  });
  const bits = (...operations: number[]) => operations.reduce((sum, bit) => sum | 1 << bit, 0);
  assertEquals(answer.topics[0].topicAuthorizedOperations, bits(3, 4, 5, 6, 7, 8, 10, 11));
  assertEquals(answer.clusterAuthorizedOperations, bits(5, 7, 8, 9, 10, 11, 12));
});

Deno.test("Metadata tells a leader epoch that does not go down", async () => {
  await using broker = await withTopics("a");
  using client = broker.connect();
  const epoch = async () =>
    (await client.ask(METADATA, 9, { topics: [{ name: "a" }] })).topics[0].partitions[0]
      .leaderEpoch;
  const first = await epoch();
  assertEquals(await epoch(), first);
});
