import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../../protocol/messages/19_create_topics.ts";
import {
  deleteTopicsRequest,
  deleteTopicsResponse,
} from "../../../protocol/messages/20_delete_topics.ts";
import {
  createPartitionsRequest,
  createPartitionsResponse,
} from "../../../protocol/messages/37_create_partitions.ts";
import {
  describeTopicPartitionsRequest,
  describeTopicPartitionsResponse,
} from "../../../protocol/messages/75_describe_topic_partitions.ts";
import type { Draft } from "../../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../../protocol/uuid.ts";
import { startBroker, type WireClient } from "../support.ts";
import { createTopic } from "../topics.ts";

const CREATE = [createTopicsRequest, createTopicsResponse] as const;
const DELETE = [deleteTopicsRequest, deleteTopicsResponse] as const;
const GROW = [createPartitionsRequest, createPartitionsResponse] as const;
const DESCRIBE = [describeTopicPartitionsRequest, describeTopicPartitionsResponse] as const;

type NewTopic = Draft<typeof createTopicsRequest>["topics"][number];

function topic(name: string, more: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [], ...more };
}

async function page(client: WireClient, draft: Draft<typeof describeTopicPartitionsRequest>) {
  const { topics, nextCursor } = await client.ask(DESCRIBE, 0, draft);
  return {
    told: topics.map(({ name, errorCode, partitions }) => [
      name,
      ...(errorCode === 0 ? partitions.map((each) => each.partitionIndex) : [`error ${errorCode}`]),
    ]),
    nextCursor: nextCursor &&
      { topicName: nextCursor.topicName, partitionIndex: nextCursor.partitionIndex },
  };
}

Deno.test("CreateTopics creates topics in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (let version = 2; version <= 7; version++) {
    const { topics } = await client.ask(CREATE, version, {
      topics: [topic(`v${version}`, { configs: [{ name: "retention.ms", value: "1000" }] })],
    });
    const [{ name, errorCode, numPartitions, replicationFactor, configs, topicId }] = topics;
    assertEquals([name, errorCode], [`v${version}`, 0]);
    if (version >= 5) {
      assertEquals([numPartitions, replicationFactor], [2, 1]);
      const retention = configs?.find(({ name }) => name === "retention.ms");
      assertEquals([retention?.value, retention?.configSource], ["1000", 1]);
    }
    if (version >= 7) assertNotEquals(topicId, ZERO_UUID);
  }
});

Deno.test("CreateTopics answers each topic on its own", async () => {
  await using broker = await startBroker({ "num.partitions": "4" });
  using client = broker.connect();
  await createTopic(client, "there");
  const { topics } = await client.ask(CREATE, 7, {
    topics: [
      topic("there"),
      topic("a b"),
      topic("none", { numPartitions: 0 }),
      topic("copies", { replicationFactor: 2 }),
      topic("setting", { configs: [{ name: "no.such.setting", value: "1" }] }),
      topic("twice"),
      topic("twice"),
      topic("defaults", { numPartitions: -1, replicationFactor: -1 }),
      topic("placed", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [1] }],
      }),
      topic("misplaced", {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [7] }],
      }),
    ],
  });
  assertEquals(
    topics.map(({ name, errorCode, numPartitions }) => [name, errorCode, numPartitions]),
    [
      ["there", 36, -1],
      ["a b", 17, -1],
      ["none", 37, -1],
      ["copies", 38, -1],
      ["setting", 40, -1],
      ["twice", 42, -1],
      ["twice", 42, -1],
      ["defaults", 0, 4],
      ["placed", 0, 1],
      ["misplaced", 39, -1],
    ],
  );
  for (const { errorCode, errorMessage } of topics) {
    assertEquals(errorCode === 0, errorMessage === null);
  }
});

Deno.test("CreateTopics answers a good topic beside a name and a setting that fill a string of the protocol", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const long = "x".repeat(32_767);
  for (const version of [2, 7]) {
    const { topics } = await client.ask(CREATE, version, {
      topics: [
        topic(`good-${version}`),
        topic(long),
        topic("setting", { configs: [{ name: "retention.ms", value: long }] }),
        topic("unknown", { configs: [{ name: long, value: "1" }] }),
      ],
    });
    assertEquals(topics.map(({ errorCode }) => errorCode), [0, 17, 40, 40]);
  }
});

Deno.test("CreateTopics with validateOnly checks everything and creates nothing", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const { topics } = await client.ask(CREATE, 7, {
    topics: [topic("a"), topic("a b")],
    validateOnly: true,
  });
  assertEquals(topics.map(({ errorCode }) => errorCode), [0, 17]);
  assertEquals((await page(client, { topics: [] })).told, []);
});

Deno.test("DeleteTopics deletes by name in every version, and by id from version 6 on", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (let version = 1; version <= 6; version++) {
    const topicId = await createTopic(client, `v${version}`);
    const { responses } = await client.ask(DELETE, version, {
      timeoutMs: 1_000,
      ...(version < 6 ? { topicNames: [`v${version}`] } : { topics: [{ topicId }] }),
    });
    assertEquals(responses.map(({ name, errorCode }) => [name, errorCode]), [[`v${version}`, 0]]);
  }
  assertEquals((await page(client, { topics: [] })).told, []);
});

Deno.test("DeleteTopics answers each topic on its own", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const topicId = await createTopic(client, "a");
  const other = await createTopic(client, "b");
  const unknown = "BBBBBBBBBBBBBBBBBBBBBA";
  const { responses } = await client.ask(DELETE, 6, {
    timeoutMs: 1_000,
    topics: [
      { name: "nowhere", topicId: ZERO_UUID },
      { name: null, topicId: unknown },
      { name: "a", topicId },
      { name: null, topicId: ZERO_UUID },
      { name: "b", topicId: ZERO_UUID },
      { name: null, topicId: other },
    ],
  });
  assertEquals(responses.map(({ errorCode }) => errorCode), [3, 100, 42, 42, 42, 42]);
});

Deno.test("DeleteTopics is refused with the code that its version knows when it is disabled", async () => {
  await using broker = await startBroker({ "delete.topic.enable": "false" });
  using client = broker.connect();
  await createTopic(client, "a");
  const code = async (version: number) =>
    (await client.ask(DELETE, version, { topicNames: ["a"], timeoutMs: 1_000 })).responses[0]
      .errorCode;
  assertEquals([await code(2), await code(3)], [42, 73]);
});

Deno.test("CreatePartitions adds partitions in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  for (let version = 0; version <= 3; version++) {
    const { results } = await client.ask(GROW, version, {
      topics: [{ name: "a", count: version + 2, assignments: null }],
      timeoutMs: 1_000,
      validateOnly: false,
    });
    assertEquals(results.map(({ name, errorCode }) => [name, errorCode]), [["a", 0]]);
  }
  assertEquals((await page(client, { topics: [] })).told, [["a", 0, 1, 2, 3, 4]]);
});

Deno.test("CreatePartitions answers each topic on its own", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 3);
  await createTopic(client, "b");
  const codes = async (validateOnly: boolean, ...wanted: [string, number][]) => {
    const { results } = await client.ask(GROW, 2, {
      topics: wanted.map(([name, count]) => ({ name, count, assignments: null })),
      timeoutMs: 1_000,
      validateOnly,
    });
    return results.map(({ errorCode }) => errorCode);
  };
  assertEquals(await codes(false, ["a", 3], ["b", 0], ["c", 5]), [37, 37, 3]);
  assertEquals(await codes(false, ["a", 4], ["a", 5]), [42, 42]);
  assertEquals(await codes(true, ["a", 4]), [0]);
  assertEquals((await page(client, { topics: [{ name: "a" }] })).told, [["a", 0, 1, 2]]);
});

Deno.test("DescribeTopicPartitions gives pages that continue each other", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "b", 3);
  await createTopic(client, "a", 2);
  await createTopic(client, "c", 1);
  const first = await page(client, { topics: [], responsePartitionLimit: 3 });
  assertEquals(first, {
    told: [["a", 0, 1], ["b", 0]],
    nextCursor: { topicName: "b", partitionIndex: 1 },
  });
  const second = await page(client, {
    topics: [],
    responsePartitionLimit: 2,
    cursor: first.nextCursor,
  });
  assertEquals(second, { told: [["b", 1, 2]], nextCursor: { topicName: "c", partitionIndex: 0 } });
  const third = await page(client, {
    topics: [],
    responsePartitionLimit: 2,
    cursor: second.nextCursor,
  });
  assertEquals(third, { told: [["c", 0]], nextCursor: null });
});

Deno.test("DescribeTopicPartitions answers topics that are named, each once, in order", async () => {
  await using broker = await startBroker({ "max.request.partition.size.limit": "2" });
  using client = broker.connect();
  await createTopic(client, "b", 3);
  const topics = ["z", "b", "a b", "b"].map((name) => ({ name }));
  assertEquals(await page(client, { topics }), {
    told: [["a b", "error 17"], ["b", 0, 1]],
    nextCursor: { topicName: "b", partitionIndex: 2 },
  });
  const rest = await page(client, { topics, cursor: { topicName: "b", partitionIndex: 2 } });
  assertEquals(rest.told, [["b", 2], ["z", "error 3"]]);
  const beyond = await page(client, { topics, cursor: { topicName: "b", partitionIndex: 99 } });
  assertEquals(beyond.told, [["b"], ["z", "error 3"]]);
  const refused = await page(client, { topics, cursor: { topicName: "b", partitionIndex: -2 } });
  assert(refused.told.every(([, error]) => error === "error 42"));
});
