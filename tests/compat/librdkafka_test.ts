/**
 * kafka-crab-js: librdkafka of 2026, built without zstd, as a native module.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { Message, ProducerConfiguration } from "kafka-crab-js";
import { Buffer } from "node:buffer";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { librdkafkaClient } from "./support/librdkafka.ts";
import { CODECS, createTopic, storedCodecs } from "./support/topics.ts";

const broker = brokerOfSuite();

const client = () => librdkafkaClient(broker);

/** Sends values, and returns the offsets they got. */
async function send(
  topic: string,
  values: readonly string[],
  configuration: ProducerConfiguration["configuration"] = {},
): Promise<readonly number[]> {
  const messages = values.map((value) => ({ payload: Buffer.from(value) }));
  const sent = await client().createProducer({ configuration }).send({ topic, messages });
  return sent.map(({ offset }) => offset);
}

/** Reads `count` records of a partition, from an offset on, by assignment: no group takes part. */
async function readFrom(topic: string, offset: number, count: number): Promise<Message[]> {
  const consumer = client().createConsumer({ groupId: uniqueName("unused") });
  const from = { partition: 0, offset: { offset } };
  await consumer.subscribe([{ topic, partitionOffset: [from] }]);
  const messages: Message[] = [];
  while (messages.length < count) {
    const batch = await consumer.recvBatch(count - messages.length, 10_000);
    if (batch.length === 0) throw new Error(`${topic}: ${messages.length} of ${count} records`);
    messages.push(...batch);
  }
  await consumer.disconnect();
  return messages;
}

const textOf = ({ payload }: Message) => payload.toString();

for (const codec of CODECS.filter((codec) => codec !== "zstd")) {
  Deno.test(`librdkafka produces ${codec} idempotently and reads it back`, async () => {
    const topic = await createTopic(broker, { what: codec });
    const values = Array.from({ length: 3000 }, (_, i) => `value ${i} of many that look alike`);
    const offsets = await send(topic, values, {
      "compression.type": codec,
      "enable.idempotence": true,
      "acks": "all",
      "linger.ms": 20,
    });
    assertEquals(offsets, values.map((_, i) => i));
    assertEquals((await readFrom(topic, 0, 3000)).map(textOf), values);
    assertEquals(await storedCodecs(broker, topic), [codec]);
  });
}

Deno.test("librdkafka's batches are stored with the codec of the topic", async () => {
  const topic = await createTopic(broker, { configs: { "compression.type": "zstd" } });
  await send(topic, ["encoded anew"], { "compression.type": "gzip" });
  assertEquals(await storedCodecs(broker, topic), ["zstd"]);
});

Deno.test("librdkafka has a topic created by producing to it", async () => {
  const topic = uniqueName("automatic");
  assertEquals(await send(topic, ["one", "two"]), [0, 1]);
});

Deno.test("librdkafka produces with every kind of acknowledgement", async () => {
  for (const acks of ["0", "1", "all"]) {
    const topic = await createTopic(broker);
    await send(topic, ["one", "two"], { acks });
    assertEquals((await readFrom(topic, 0, 2)).map(textOf), ["one", "two"], `acks=${acks}`);
  }
});

Deno.test("librdkafka reads keys, headers and tombstones back", async () => {
  const topic = await createTopic(broker);
  await client().createProducer({}).send({
    topic,
    messages: [
      {
        key: Buffer.from("k1"),
        payload: Buffer.from([0, 255, 10]),
        headers: { trace: Buffer.from("12") },
      },
      { key: Buffer.from("k2"), isTombstone: true },
    ],
  });
  const [first, second] = await readFrom(topic, 0, 2);
  assertEquals([...first.payload], [0, 255, 10]);
  assertEquals(
    [first.key?.toString(), first.headers?.trace.toString(), first.isTombstone ?? false],
    ["k1", "12", false],
  );
  assertEquals([second.key?.toString(), second.isTombstone], ["k2", true]);
});

Deno.test("librdkafka reads from an offset and seeks back", async () => {
  const topic = await createTopic(broker);
  await send(topic, ["a", "b", "c", "d"]);
  assertEquals((await readFrom(topic, 2, 2)).map(textOf), ["c", "d"]);

  const consumer = client().createConsumer({ groupId: uniqueName("unused") });
  await consumer.subscribe([{
    topic,
    partitionOffset: [{ partition: 0, offset: { position: "Beginning" } }],
  }]);
  assertEquals((await consumer.recvBatch(4, 10_000)).length, 4);
  consumer.seek(topic, 0, { offset: 1 });
  assertEquals(textOf((await consumer.recv())!), "b");
  await consumer.disconnect();
});

Deno.test("librdkafka creates a topic with the partitions it asks for", async () => {
  const topic = uniqueName("made");
  const consumer = client().createConsumer({ groupId: uniqueName("unused") });
  const partitionOffset = [{ partition: 4, offset: { position: "Beginning" as const } }];
  await consumer.subscribe([
    { topic, createTopic: true, numPartitions: 5, replicas: 1, partitionOffset },
  ]);
  await consumer.disconnect();
  assertEquals(await storedCodecs(broker, topic, 4), []);
});

Deno.test("librdkafka is refused a record above max.message.bytes", async () => {
  const topic = await createTopic(broker, { configs: { "max.message.bytes": "1000" } });
  await assertRejects(() => send(topic, ["x".repeat(2000)]), Error, "Message size too large");
  assertEquals(await send(topic, ["small"]), [0]);
});
