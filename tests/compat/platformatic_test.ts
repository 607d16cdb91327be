/**
 * @platformatic/kafka under Deno: producer and admin, and fetches within a session.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  type MessageToProduce,
  type ProduceOptions,
  Producer,
  type ProduceResult,
  ProtocolError,
  stringSerializers,
} from "@platformatic/kafka";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import {
  CODECS,
  createTopic,
  eventually,
  storedCodecs,
  storedRecords,
  storedTexts,
} from "./support/topics.ts";

const broker = brokerOfSuite();

type SendOptions = ProduceOptions<string, string, string, string>;
type Text = MessageToProduce<string, string, string, string>;

function options() {
  return { clientId: "compat", bootstrapBrokers: [broker.bootstrap], retries: 2 };
}

/** Does `work` with a client, and closes it. */
async function closing<T extends { close(): Promise<void> }, R>(
  client: T,
  work: (client: T) => Promise<R>,
): Promise<R> {
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function withAdmin<R>(work: (admin: Admin) => Promise<R>): Promise<R> {
  return closing(new Admin(options()), work);
}

function send(messages: Text[], sending: SendOptions = {}): Promise<ProduceResult> {
  return closing(
    new Producer({ ...options(), serializers: stringSerializers }),
    (producer) => producer.send({ messages, ...sending }),
  );
}

for (const codec of CODECS) {
  Deno.test(`platformatic produces ${codec} idempotently to a partition`, async () => {
    const topic = await createTopic(broker, { what: codec, partitions: 2 });
    const values = Array.from({ length: 1000 }, (_, i) => `value ${i} of many that look alike`);
    const messages = values.map((value) => ({ topic, value, partition: 1 }));
    const { offsets } = await send(messages, { compression: codec, idempotent: true });
    assertEquals(offsets, [{ topic, partition: 1, offset: 0n }]);
    assertEquals(await storedTexts(broker, topic, 1), values);
    assertEquals(await storedCodecs(broker, topic, 1), [codec]);
  });
}

Deno.test("platformatic's idempotent producer appends many batches in order", async () => {
  const topic = await createTopic(broker);
  const producer = new Producer({ ...options(), serializers: stringSerializers, idempotent: true });
  await closing(producer, async () => {
    for (let i = 0; i < 20; i++) await producer.send({ messages: [{ topic, value: `${i}` }] });
  });
  assertEquals(await storedTexts(broker, topic), Array.from({ length: 20 }, (_, i) => `${i}`));
});

Deno.test("platformatic produces with every kind of acknowledgement", async () => {
  for (const acks of [0, 1, -1]) {
    const topic = await createTopic(broker);
    await send([{ topic, value: "v" }], { acks });
    await eventually(async () => assertEquals(await storedTexts(broker, topic), ["v"]));
  }
});

Deno.test("platformatic's keys, headers and timestamps are kept", async () => {
  const topic = await createTopic(broker);
  const headers = { trace: "12" };
  await send([{ topic, key: "k1", value: "v1", headers, timestamp: 1_700_000_000_000n }]);
  const [record] = await storedRecords(broker, topic);
  const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined);
  assertEquals([text(record.key), text(record.value), record.timestampMs], ["k1", "v1", 1.7e12]);
  assertEquals(record.headers.map(({ key, value }) => [key, text(value)]), [["trace", "12"]]);
});

Deno.test("platformatic has a topic created by producing to it", async () => {
  const topic = uniqueName("automatic");
  await send([{ topic, value: "first" }], { autocreateTopics: true });
  assertEquals(await storedTexts(broker, topic), ["first"]);
});

Deno.test("platformatic is refused a record above max.message.bytes", async () => {
  const topic = await createTopic(broker, { configs: { "max.message.bytes": "1000" } });
  assertEquals(await codesOf(send([{ topic, value: "x".repeat(2000) }])), ["MESSAGE_TOO_LARGE"]);
  assertEquals(await storedTexts(broker, topic), []);
});

Deno.test("platformatic fetches within a session, and sees what was appended meanwhile", async () => {
  const topic = await createTopic(broker, { partitions: 2 });
  const consumer = new Consumer({ ...options(), groupId: uniqueName("unused"), maxWaitTime: 100 });
  await closing(consumer, async () => {
    const { topics, brokers } = await consumer.metadata({ topics: [topic] });
    const { id: topicId } = topics.get(topic)!;
    const [node] = brokers.keys();
    const fetchFrom = async (offset: bigint) => {
      const partitions = [0, 1].map((partition) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: partition === 0 ? offset : 0n,
        lastFetchedEpoch: -1,
        partitionMaxBytes: 100_000,
      }));
      const { responses } = await consumer.fetch({ node, topics: [{ topicId, partitions }] });
      return responses.flatMap(({ partitions }) => partitions)
        .flatMap(({ partitionIndex, records }) =>
          (records ?? []).flatMap((batch) =>
            batch.records.map(({ value }) => `${partitionIndex}:${value}`)
          )
        );
    };
    assertEquals(await fetchFrom(0n), []);
    await send([{ topic, partition: 0, value: "a" }]);
    assertEquals(await fetchFrom(0n), ["0:a"]);
    assertEquals(await fetchFrom(1n), []);
    await send([{ topic, partition: 1, value: "b" }, { topic, partition: 0, value: "c" }]);
    assertEquals((await fetchFrom(1n)).sort(), ["0:c", "1:b"]);
  });
});

Deno.test("platformatic creates, lists, describes and deletes topics", async () => {
  const topic = uniqueName("made");
  await withAdmin(async (admin) => {
    const configs = [{ name: "cleanup.policy", value: "compact" }];
    const [created] = await admin.createTopics({ topics: [topic], partitions: 3, configs });
    assertEquals([created.name, created.partitions, created.replicas], [topic, 3, 1]);
    assertEquals(created.configuration["cleanup.policy"], "compact");
    const again = admin.createTopics({ topics: [topic] });
    assertEquals(await codesOf(again), ["TOPIC_ALREADY_EXISTS"]);

    const metadata = await eventually(() => admin.metadata({ topics: [topic], forceUpdate: true }));
    assertEquals(metadata.topics.get(topic)!.partitionsCount, 3);
    assertEquals(metadata.topics.get(topic)!.id, created.id);
    assert((await admin.listTopics()).includes(topic));

    await admin.deleteTopics({ topics: [topic] });
    await eventually(async () => assert(!(await admin.listTopics()).includes(topic)));
  });
});

Deno.test("platformatic adds partitions, and cannot take them away", async () => {
  const topic = await createTopic(broker, { partitions: 2 });
  await withAdmin(async (admin) => {
    const grow = (count: number, onBrokers: number[]) => {
      const assignments = onBrokers.map((id) => ({ brokerIds: [id] }));
      return admin.createPartitions({ topics: [{ name: topic, count, assignments }] });
    };
    await grow(5, [1, 1, 1]);
    await eventually(async () => {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      assertEquals(topics.get(topic)!.partitionsCount, 5);
    });
    assertEquals(await codesOf(grow(3, [])), ["INVALID_PARTITIONS"]);
  });
});

Deno.test("platformatic finds the offsets of a partition, at its ends and by time", async () => {
  const topic = await createTopic(broker);
  const startMs = Date.now() - 60_000;
  await send([0, 2, 1].map((i) => ({
    topic,
    value: `${i}`,
    timestamp: BigInt(startMs + i * 1000),
  })));
  await withAdmin(async (admin) => {
    const offsetAt = async (timestamp: bigint) => {
      const partitions = [{ partitionIndex: 0, timestamp }];
      const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
      return Number(found.partitions[0].offset);
    };
    const { EARLIEST, LATEST, MAX } = ListOffsetTimestamps;
    assertEquals(await offsetAt(EARLIEST), 0);
    assertEquals(await offsetAt(LATEST), 3);
    assertEquals(await offsetAt(MAX), 1);
    assertEquals(await offsetAt(BigInt(startMs + 500)), 1);
    assertEquals(await offsetAt(BigInt(startMs + 5000)), -1);
  });
});

Deno.test("platformatic changes settings one by one, and all at once", async () => {
  const topic = await createTopic(broker, { configs: { "segment.ms": "3600000" } });
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  await withAdmin(async (admin) => {
    const settings = async () => {
      const [{ configs }] = await admin.describeConfigs({
        includeSynonyms: true,
        resources: [{ ...resource, configurationKeys: ["retention.ms", "segment.ms"] }],
      });
      return Object.fromEntries(configs.map(({ name, value }) => [name, value]));
    };
    const isSet = (retention: string, segment: string) =>
      eventually(async () =>
        assertEquals(await settings(), { "retention.ms": retention, "segment.ms": segment })
      );
    const { SET, DELETE } = IncrementalAlterConfigOperationTypes;
    const set = (value: string) => ({ name: "retention.ms", configOperation: SET, value });
    const alter = (config: ReturnType<typeof set>, validateOnly = false) =>
      admin.incrementalAlterConfigs({
        resources: [{ ...resource, configs: [config] }],
        validateOnly,
      });

    await alter(set("1000"), true);
    await isSet("604800000", "3600000");
    await alter(set("1000"));
    await isSet("1000", "3600000");
    assertEquals(await codesOf(alter(set("soon"))), ["INVALID_CONFIG"]);
    await admin.incrementalAlterConfigs({
      resources: [{ ...resource, configs: [{ name: "segment.ms", configOperation: DELETE }] }],
    });
    await isSet("1000", "604800000");

    const configs = [{ name: "segment.ms", value: "7200000" }];
    await admin.alterConfigs({ resources: [{ ...resource, configs }] });
    await isSet("604800000", "7200000");
  });
});

Deno.test("platformatic is told that there are no ACLs", async () => {
  const any = { resourceType: 1, resourcePatternType: 1, operation: 1, permissionType: 1 } as const;
  const filter = { ...any, resourceName: null, principal: null, host: null };
  const described = withAdmin((admin) => admin.describeAcls({ filter }));
  assertEquals(await codesOf(described), ["SECURITY_DISABLED"]);
});

/** The names of the protocol's errors that something failed with. */
async function codesOf(failing: Promise<unknown>): Promise<readonly string[]> {
  const error = await assertRejects(() => failing);
  return [...protocolErrorsIn(error)];
}

function* protocolErrorsIn(error: unknown): Generator<string> {
  if (error instanceof ProtocolError) yield error.apiId;
  if (error instanceof AggregateError) {
    for (const part of error.errors) yield* protocolErrorsIn(part);
  }
}
