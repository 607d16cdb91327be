/**
 * kafkajs under Deno: producer and admin.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import kafkajs, { type Admin, type Producer, type ProducerConfig } from "kafkajs";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { connected, KAFKAJS_CODECS, kafkajsClient } from "./support/kafkajs.ts";
import {
  CODECS,
  createTopic,
  eventually,
  storedCodecs,
  storedRecords,
  storedTexts,
} from "./support/topics.ts";

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes } = kafkajs;
const { ResourcePatternTypes } = kafkajs;

const broker = brokerOfSuite();

function withAdmin<R>(work: (admin: Admin) => Promise<R>): Promise<R> {
  return connected(kafkajsClient(broker).admin(), work);
}

function withProducer<R>(
  work: (producer: Producer) => Promise<R>,
  options: ProducerConfig = {},
): Promise<R> {
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  return connected(kafkajsClient(broker).producer({ createPartitioner, ...options }), work);
}

for (const codec of CODECS) {
  Deno.test(`kafkajs produces ${codec} to a partition`, async () => {
    const topic = await createTopic(broker, { what: codec, partitions: 2 });
    const values = Array.from({ length: 1000 }, (_, i) => `value ${i} of many that look alike`);
    const messages = values.map((value) => ({ value, partition: 1 }));
    await withProducer(async (producer) => {
      const compression = KAFKAJS_CODECS[codec];
      for (let sent = 0; sent < 2; sent++) await producer.send({ topic, messages, compression });
    });
    assertEquals(await storedTexts(broker, topic, 1), [...values, ...values]);
    assertEquals(await storedCodecs(broker, topic, 1), [codec]);
    assertEquals(await storedTexts(broker, topic, 0), []);
  });
}

Deno.test("kafkajs' idempotent producer appends once", async () => {
  const topic = await createTopic(broker);
  await withProducer(async (producer) => {
    const sent = Array.from({ length: 20 }, async (_, i) => {
      const [{ baseOffset }] = await producer.send({ topic, messages: [{ value: `${i}` }] });
      return baseOffset;
    });
    const offsets = (await Promise.all(sent)).map(Number);
    assertEquals(offsets.sort((a, b) => a - b), sent.map((_, i) => i));
  }, { idempotent: true, maxInFlightRequests: 1 });
});

Deno.test("kafkajs produces with every kind of acknowledgement", async () => {
  for (const acks of [0, 1, -1]) {
    const topic = await createTopic(broker);
    await withProducer((producer) => producer.send({ topic, acks, messages: [{ value: "v" }] }));
    await eventually(async () => assertEquals(await storedTexts(broker, topic), ["v"]));
  }
});

Deno.test("kafkajs' keys, headers, timestamps and tombstones are kept", async () => {
  const topic = await createTopic(broker);
  await withProducer((producer) =>
    producer.send({
      topic,
      messages: [
        {
          key: "k1",
          value: "v1",
          headers: { trace: "12", many: ["a", "b"] },
          timestamp: "1700000000000",
        },
        { key: "k2", value: null },
      ],
    })
  );
  const [first, second] = await storedRecords(broker, topic);
  const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined);
  assertEquals([text(first.key), text(first.value), first.timestampMs], ["k1", "v1", 1.7e12]);
  assertEquals(
    first.headers.map(({ key, value }) => `${key}=${text(value)}`),
    ["trace=12", "many=a", "many=b"],
  );
  assertEquals([text(second.key), second.value], ["k2", null]);
});

Deno.test("kafkajs has a topic created by producing to it", async () => {
  const topic = uniqueName("automatic");
  await withProducer((producer) => producer.send({ topic, messages: [{ value: "first" }] }));
  assertEquals(await storedTexts(broker, topic), ["first"]);
});

Deno.test("kafkajs is refused a record above max.message.bytes", async () => {
  const topic = await createTopic(broker, { configs: { "max.message.bytes": "1000" } });
  await withProducer(async (producer) => {
    const messages = [{ value: "x".repeat(2000) }];
    await assertRejects(() => producer.send({ topic, messages }), Error, "larger than the max");
  });
  assertEquals(await storedTexts(broker, topic), []);
});

Deno.test("kafkajs is refused a timestamp that cannot be held, and served the latest one that can", async () => {
  const configs = {
    "message.timestamp.after.max.ms": "9223372036854775807",
    "retention.ms": "-1",
  };
  const topic = await createTopic(broker, { configs });
  const latest = (2n ** 52n - 1n).toString();
  await withProducer(async (producer) => {
    const send = (value: string, timestamp: string) =>
      producer.send({ topic, messages: [{ value, timestamp }] });
    for (const beyond of [2n ** 52n, 2n ** 53n - 1n, 2n ** 63n - 1n]) {
      await assertRejects(() => send("beyond", `${beyond}`), Error, "out of acceptable range");
    }
    await send("latest", latest);
  });
  const [record] = await storedRecords(broker, topic);
  assertEquals(record.timestampMs, Number(latest));
  await withAdmin(async (admin) => {
    assertEquals(await admin.fetchTopicOffsetsByTimestamp(topic, Number(latest)), [
      { partition: 0, offset: "0" },
    ]);
  });
});

Deno.test("kafkajs creates, lists, describes and deletes topics", async () => {
  const topic = uniqueName("made");
  const topics = [{ topic, numPartitions: 3 }];
  await withAdmin(async (admin) => {
    await admin.createTopics({ topics, validateOnly: true, waitForLeaders: false });
    assert(!(await admin.listTopics()).includes(topic));

    assertEquals(await admin.createTopics({ topics }), true);
    assertEquals(await admin.createTopics({ topics }), false, "it exists already");
    assert((await admin.listTopics()).includes(topic));
    const { topics: [{ partitions }] } = await admin.fetchTopicMetadata({ topics: [topic] });
    assertEquals(partitions.map(({ partitionId }) => partitionId).sort(), [0, 1, 2]);
    assertEquals(new Set(partitions.map(({ leader }) => leader)), new Set([1]));

    await admin.deleteTopics({ topics: [topic] });
    await eventually(async () => assert(!(await admin.listTopics()).includes(topic)));
  });
});

Deno.test("kafkajs adds partitions, and cannot take them away", async () => {
  const topic = await createTopic(broker, { partitions: 2 });
  await withAdmin(async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    const found = await eventually(() => admin.fetchTopicOffsets(topic));
    assertEquals(found.length, 5);
    const fewer = { topicPartitions: [{ topic, count: 3 }] };
    await assertRejects(() => admin.createPartitions(fewer), Error, "partitions is invalid");
  });
});

Deno.test("kafkajs finds the cluster", async () => {
  const { brokers, controller, clusterId } = await withAdmin((admin) => admin.describeCluster());
  assertEquals(brokers, [{ nodeId: 1, host: broker.host, port: broker.port }]);
  assertEquals([controller, clusterId.length], [1, 22]);
});

Deno.test("kafkajs finds the offsets of a topic, at its ends and by time", async () => {
  const topic = await createTopic(broker, { partitions: 2 });
  const startMs = Date.now() - 60_000;
  await withProducer((producer) =>
    producer.send({
      topic,
      messages: [0, 1, 2].map((i) => ({
        value: `${i}`,
        partition: 1,
        timestamp: `${startMs + i * 1000}`,
      })),
    })
  );
  await withAdmin(async (admin) => {
    const byPartition = (a: { partition: number }, b: { partition: number }) =>
      a.partition - b.partition;
    assertEquals((await admin.fetchTopicOffsets(topic)).sort(byPartition), [
      { partition: 0, offset: "0", low: "0", high: "0" },
      { partition: 1, offset: "3", low: "0", high: "3" },
    ]);
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, startMs + 500);
    assertEquals(found.sort(byPartition)[1], { partition: 1, offset: "1" });
  });
});

Deno.test("kafkajs reads and writes the settings of a topic", async () => {
  const topic = await createTopic(broker);
  const type = ConfigResourceTypes.TOPIC;
  await withAdmin(async (admin) => {
    const retention = async () => {
      const { resources: [{ configEntries }] } = await admin.describeConfigs({
        includeSynonyms: true,
        resources: [{ type, name: topic, configNames: ["retention.ms"] }],
      });
      return configEntries.map(({ configName, configValue }) => `${configName}=${configValue}`);
    };
    assertEquals(await retention(), ["retention.ms=604800000"]);
    const alter = (value: string) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type, name: topic, configEntries: [{ name: "retention.ms", value }] }],
      });
    await alter("1234567");
    await eventually(async () => assertEquals(await retention(), ["retention.ms=1234567"]));
    await assertRejects(() => alter("soon"), Error);
    assertEquals(await retention(), ["retention.ms=1234567"]);
  });
});

Deno.test("kafkajs reads the settings of the broker", async () => {
  const { resources: [{ configEntries }] } = await withAdmin((admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.BROKER, name: "1" }],
    })
  );
  const values = new Map(configEntries.map((entry) => [entry.configName, entry.configValue]));
  assertEquals([values.get("node.id"), values.get("message.max.bytes")], ["1", "1048588"]);
});

Deno.test("kafkajs is told that there are no ACLs", async () => {
  await withAdmin(async (admin) => {
    const filter = {
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    };
    await assertRejects(() => admin.describeAcls(filter), Error, "Security features are disabled");
  });
});
