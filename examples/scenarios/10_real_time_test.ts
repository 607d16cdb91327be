/**
 * How do I test my own code, with its own Kafka client, against a real broker?
 *
 * Start one in the test: it takes milliseconds, needs no container, and is gone with the test. With containers the same
 * test is:
 *
 *     const container = await new KafkaContainer("confluentinc/cp-kafka:7.9.1").start(); // 5 to 20 s
 *     const brokers = [`${container.getHost()}:${container.getMappedPort(9093)}`];
 *     …
 *     await container.stop();
 */
// Real time: that is what it shows.
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { startTestBroker } from "../../testing/mod.ts";

Deno.test("Order is announced", async () => {
  await using broker = await startTestBroker();
  const client = { ...broker.client, bootstrapServers: broker.bootstrapServers };

  await using producer = new Producer(client);
  await producer.send({ topic: "orders", partition: 0, value: "3 spools" });

  await using consumer = new Consumer(client);
  consumer.assign([{ topic: "orders", partition: 0 }]);
  consumer.seekToBeginning();
  const [{ value }] = await consumer.poll();
  assertEquals(new TextDecoder().decode(value!), "3 spools");
});
