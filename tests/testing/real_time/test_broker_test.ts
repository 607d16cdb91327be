// Real time: a broker in real time is what is tested.
import { assertEquals } from "@std/assert";
import { Producer as PlatformaticProducer, stringSerializers } from "@platformatic/kafka";
import { KafkaClient } from "kafka-crab-js";
import { Kafka, logLevel } from "kafkajs";
import { Buffer } from "node:buffer";
import { Consumer, denoEnvironment, Producer, stderrLog } from "../../../mod.ts";
import { startTestBroker } from "../../../testing/mod.ts";

const environment = denoEnvironment({ log: stderrLog({ level: "error" }) });

Deno.test("Test broker serves clients on a port of its own", async () => {
  await using one = await startTestBroker();
  await using other = await startTestBroker();
  for (const { bootstrapServers } of [one, other]) {
    await using producer = new Producer({ environment, bootstrapServers });
    assertEquals((await producer.send({ topic: "orders", value: "1" })).offset, 0n);
  }
});

Deno.test("Test broker lets a group form at once", async () => {
  await using broker = await startTestBroker();
  const { bootstrapServers } = broker;
  await using producer = new Producer({ environment, bootstrapServers });
  await producer.send({ topic: "orders", value: "a spool" });
  await using consumer = new Consumer({
    environment,
    bootstrapServers,
    groupId: "packers",
    autoOffsetReset: "earliest",
  });
  consumer.subscribe(["orders"]);
  const startMs = performance.now();
  const [{ value }] = await consumer.poll();
  assertEquals(new TextDecoder().decode(value!), "a spool");
  const tookMs = performance.now() - startMs;
  assertEquals(tookMs < 2500, true, `${tookMs} ms: the initial rebalance delay is 3 s by default`);
});

Deno.test("Test broker takes settings as any broker", async () => {
  await using broker = await startTestBroker({
    nodeId: 7,
    config: { "auto.create.topics.enable": "false" },
  });
  assertEquals(broker.nodeId, 7);
  await using producer = new Producer({ ...broker.client, maxBlockMs: 100, retryBackoffMs: 10 });
  const error = await producer.send({ topic: "nowhere", value: "x" }).catch((error) => error);
  assertEquals(error.name, "KafkaError");
});

Deno.test("Test broker is a broker to kafkajs", async () => {
  await using broker = await startTestBroker();
  const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.ERROR });
  const producer = kafka.producer();
  await producer.connect();
  const [{ baseOffset }] = await producer.send({ topic: "orders", messages: [{ value: "1" }] });
  assertEquals(baseOffset, "0");
  await producer.disconnect();
});

Deno.test("Test broker is a broker to @platformatic/kafka", async () => {
  await using broker = await startTestBroker();
  const options = { clientId: "test", bootstrapBrokers: [broker.bootstrapServers] };
  const producer = new PlatformaticProducer({ ...options, serializers: stringSerializers });
  const { offsets } = await producer.send({
    messages: [{ topic: "orders", value: "a spool" }],
    autocreateTopics: true,
  });
  await producer.close();
  assertEquals(offsets?.map(({ topic, offset }) => [topic, offset]), [["orders", 0n]]);
});

Deno.test("Test broker is a broker to librdkafka, in a group", async () => {
  await using broker = await startTestBroker();
  const client = new KafkaClient({
    brokers: broker.bootstrapServers,
    clientId: "test",
    logLevel: "error",
    // Its producers cannot be closed: they are to be quiet when the broker is gone.
    configuration: { "reconnect.backoff.ms": 10_000, "log.connection.close": false },
  });
  const sent = await client.createProducer().send({
    topic: "orders",
    messages: [{ payload: Buffer.from("a spool") }],
  });
  assertEquals(sent.map(({ offset }) => offset), [0]);
  const consumer = client.createConsumer({
    groupId: "packers",
    configuration: { "auto.offset.reset": "earliest" },
  });
  await consumer.subscribe("orders");
  const [{ payload }] = await consumer.recvBatch(1, 10_000);
  assertEquals(payload.toString(), "a spool");
  await consumer.disconnect();
});
