// Real time: a broker in real time is what is tested.
import { assertEquals } from "@std/assert";
import { Kafka, logLevel } from "kafkajs";
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
