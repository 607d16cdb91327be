// Real time: the client on real streams; tests/simulation/ has it in virtual time.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TextLineStream } from "@std/streams";
import {
  Admin,
  type ClientOptions,
  Consumer,
  type ConsumerRecord,
  consumerStream,
  KafkaError,
  Producer,
  producerStream,
} from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { createBroker } from "../../mod.ts";

/** Runs a test against a broker of its own, in memory and in this process. */
async function withBroker(test: (options: ClientOptions) => Promise<void>): Promise<void> {
  const environment = denoEnvironment({ log: { write: () => {} } });
  await using broker = await createBroker({ data: "memory:" });
  await test({ environment, dial: () => Promise.resolve(broker.dial()) });
}

function text({ value }: ConsumerRecord): string {
  return new TextDecoder().decode(value!);
}

async function readAll(options: ClientOptions, topic: string, count: number) {
  await using admin = new Admin(options);
  await using consumer = new Consumer(options);
  const [{ partitions }] = await admin.describeTopics([topic]);
  consumer.assign(partitions.map(({ partition }) => ({ topic, partition })));
  consumer.seekToBeginning();
  const records: ConsumerRecord[] = [];
  while (records.length < count) records.push(...await consumer.poll({ timeoutMs: 5000 }));
  return records;
}

for (const compressionType of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  Deno.test(`Client reads from a real broker what it wrote there, in order (${compressionType})`, () =>
    withBroker(async (options) => {
      await using admin = new Admin(options);
      await admin.createTopics([{ name: "orders", partitions: 4 }]);
      await using producer = new Producer({ ...options, compressionType });
      const sent = await Promise.all(
        Array.from(
          { length: 2000 },
          (_, i) => producer.send({ topic: "orders", key: `key-${i % 100}`, value: `${i}` }),
        ),
      );
      const records = await readAll(options, "orders", 2000);
      assertEquals(records.length, 2000);
      for (const record of records) {
        const { partition, offset } = sent[Number(text(record))];
        assertEquals([record.partition, record.offset], [partition, offset]);
      }
      for (let partition = 0; partition < 4; partition++) {
        const numbers = records.filter((record) => record.partition === partition).map(text);
        assertEquals(numbers, numbers.toSorted((a, b) => Number(a) - Number(b)));
      }
    }));
}

Deno.test("Client reads a large record and many small ones from a real broker", () =>
  withBroker(async (options) => {
    const large = new Uint8Array(900_000).map((_, i) => i * 7);
    await using producer = new Producer(options);
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "blobs", partitions: 1 }]);
    const sends = [producer.send({ topic: "blobs", value: large })];
    for (let i = 0; i < 100; i++) sends.push(producer.send({ topic: "blobs", value: `${i}` }));
    await Promise.all(sends);
    const records = await readAll(options, "blobs", 101);
    assertEquals(records[0].value, large);
    assertEquals(records.slice(1).map(text), Array.from({ length: 100 }, (_, i) => `${i}`));
  }));

Deno.test("Consumer looks up a record by time on a real broker", () =>
  withBroker(async (options) => {
    const topic = "events";
    await using producer = new Producer({ ...options, batchSize: 100 });
    const nowMs = Date.now();
    for (let i = 0; i < 50; i++) {
      producer.send({ topic, partition: 0, value: `${i}`, timestampMs: nowMs - 1000 * (50 - i) });
    }
    await producer.flush();
    await using consumer = new Consumer(options);
    consumer.assign([{ topic, partition: 0 }]);
    consumer.seekToTime(nowMs - 10_500);
    assertEquals(text((await consumer.poll())[0]), "40");
  }));

Deno.test("Consumer is woken by a record that arrives at a real broker while it waits", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "orders", partitions: 1 }]);
    await using consumer = new Consumer({ ...options, fetchMaxWaitMs: 30_000 });
    consumer.assign([{ topic: "orders", partition: 0 }]);
    await consumer.position({ topic: "orders", partition: 0 });
    const polled = consumer.poll();
    await using producer = new Producer(options);
    await producer.send({ topic: "orders", value: "now" });
    assertEquals((await polled).map(text), ["now"]);
  }));

Deno.test("Admin creates, describes, grows and deletes topics on a real broker", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    const [created] = await admin.createTopics([
      { name: "a", partitions: 2, replicationFactor: 1, configs: { "cleanup.policy": "compact" } },
      { name: "b" },
    ]);
    assertEquals([created.name, created.partitions, created.replicationFactor], ["a", 2, 1]);
    assertEquals(await admin.listTopics(), ["a", "b"]);
    await admin.createPartitions({ a: 3 });
    const [described] = await admin.describeTopics(["a"]);
    assertEquals(described.id, created.id);
    assertEquals(described.partitions.map(({ leaderId }) => leaderId), [1, 1, 1]);
    await admin.deleteTopics(["b"]);
    assertEquals(await admin.listTopics(), ["a"]);
    const { brokers, controllerId } = await admin.describeCluster();
    assertEquals([brokers.map(({ nodeId }) => nodeId), controllerId], [[1], 1]);
  }));

Deno.test("Admin tells which topics it could not create, and why", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "a" }]);
    const one = await assertRejects(
      () => admin.createTopics([{ name: "a" }]),
      KafkaError,
      "Cannot create topic a: TOPIC_ALREADY_EXISTS",
    );
    assertEquals(one.kind, "TOPIC_ALREADY_EXISTS");
    const several = await assertRejects(
      () => admin.createTopics([{ name: "a" }, { name: "b" }, { name: "c/d" }]),
      AggregateError,
      "Cannot create topics: 2 of 3 failed",
    );
    assertEquals(
      several.errors.map(({ kind }) => kind).toSorted(),
      ["INVALID_TOPIC_EXCEPTION", "TOPIC_ALREADY_EXISTS"],
    );
    assertEquals(await admin.listTopics(), ["a", "b"]);
    await assertRejects(
      () => admin.describeTopics(["nowhere"]),
      KafkaError,
      "Cannot describe topic nowhere: UNKNOWN_TOPIC_OR_PARTITION",
    );
  }));

Deno.test("Admin only checks a topic if that is what is asked", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "a" }], { validateOnly: true });
    assertEquals(await admin.listTopics(), []);
  }));

Deno.test("Admin reads and changes settings on a real broker", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "a", configs: { "retention.ms": "5000" } }]);
    const topic = { type: "topic", name: "a" } as const;
    const setting = async (name: string) =>
      (await admin.describeConfigs(topic, { names: [name], includeSynonyms: true }))[0];
    const before = await setting("retention.ms");
    assertEquals([before.value, before.source, before.type], ["5000", "dynamicTopic", "long"]);
    await admin.alterConfigs(topic, [
      { name: "retention.ms", operation: "delete" },
      { name: "cleanup.policy", operation: "append", value: "compact" },
    ]);
    assertEquals((await setting("retention.ms")).source, "default");
    assertEquals((await setting("cleanup.policy")).value, "delete,compact");
    const error = await assertRejects(
      () => admin.alterConfigs(topic, [{ name: "retention.ms", value: "soon" }]),
      KafkaError,
      "Cannot change the settings of topic a: INVALID_CONFIG",
    );
    assertEquals(error.kind, "INVALID_CONFIG");
    const ofBroker = await admin.describeConfigs({ type: "broker", name: "1" });
    assert(ofBroker.some(({ name }) => name === "log.retention.ms"));
  }));

Deno.test("Admin lists offsets, also that of the largest timestamp", () =>
  withBroker(async (options) => {
    await using producer = new Producer(options);
    const nowMs = Date.now();
    const target = { topic: "events", partition: 0 };
    for (const agoMs of [3000, 1000, 2000]) {
      await producer.send({ ...target, value: "v", timestampMs: nowMs - agoMs });
    }
    await using admin = new Admin(options);
    const found = await Promise.all(
      (["earliest", "latest", "maxTimestamp"] as const)
        .map(async (at) => (await admin.listOffsets([{ ...target, at }]))[0]),
    );
    assertEquals(found.map(({ offset }) => offset), [0n, 3n, 1n]);
    assertEquals(found[2].timestampMs, nowMs - 1000);
  }));

Deno.test("Admin deletes the oldest records of partitions, and tells where they begin then", () =>
  withBroker(async (options) => {
    await using producer = new Producer(options);
    const target = { topic: "events", partition: 0 };
    for (let n = 0; n < 5; n++) await producer.send({ ...target, value: `${n}` });
    await using admin = new Admin(options);
    assertEquals(await admin.deleteRecords([{ ...target, beforeOffset: 2n }]), [
      { ...target, lowWatermark: 2n },
    ]);
    await using consumer = new Consumer({ ...options, autoOffsetReset: "earliest" });
    consumer.assign([target]);
    consumer.seekToBeginning();
    assertEquals((await consumer.poll()).map(text), ["2", "3", "4"]);
    const error = await assertRejects(
      () => admin.deleteRecords([{ ...target, beforeOffset: 6n }]),
      KafkaError,
    );
    assertEquals(error.kind, "OFFSET_OUT_OF_RANGE");
    const [{ lowWatermark }] = await admin.deleteRecords([{ ...target, beforeOffset: "latest" }]);
    assertEquals(lowWatermark, 5n);
  }));

Deno.test("Streams carry lines of text into a topic of a real broker and out of it", () =>
  withBroker(async (options) => {
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`);
    const producer = new Producer(options);
    await ReadableStream.from([lines.join("\n")])
      .pipeThrough(new TextLineStream())
      .pipeTo(producerStream(producer, (line: string) => ({ topic: "lines", value: line })));
    await producer.close();

    const consumer = new Consumer(options);
    consumer.assign([{ topic: "lines", partition: 0 }]);
    consumer.seekToBeginning();
    const found: string[] = [];
    for await (const record of consumerStream(consumer)) {
      found.push(text(record));
      if (found.length === lines.length) break; // cancels the stream, and so closes the consumer
    }
    assertEquals(found, lines);
  }));

Deno.test("Stream into a topic breaks when a record fails", () =>
  withBroker(async (options) => {
    await using admin = new Admin(options);
    await admin.createTopics([{ name: "keyed", configs: { "cleanup.policy": "compact" } }]);
    await using producer = new Producer(options);
    const error = await assertRejects(
      () =>
        ReadableStream.from(["a", "b"])
          .pipeTo(producerStream(producer, (value: string) => ({ topic: "keyed", value }))),
      KafkaError,
      "Cannot produce to keyed-0: INVALID_RECORD",
    );
    assertEquals(error.kind, "INVALID_RECORD");
  }));
