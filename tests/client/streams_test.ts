import { assertEquals, assertRejects } from "@std/assert";
import { toTransformStream } from "@std/streams";
import { PRODUCE } from "../../client/apis.ts";
import {
  Consumer,
  consumerStream,
  KafkaError,
  Producer,
  producerStream,
} from "../../client/mod.ts";
import { settle } from "../support/manual_environment.ts";
import { FakeCluster } from "./support/fake_cluster.ts";

Deno.test("Producer stream takes no more than fits the buffer", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  const gate = Promise.withResolvers<void>();
  cluster.on(PRODUCE, async (request) => {
    await gate.promise;
    return cluster.produce(request);
  });
  await using producer = new Producer({ ...cluster.options, bufferMemory: 10_000, lingerMs: 0 });
  let made = 0;
  const source = new ReadableStream<string>({
    pull(controller) {
      if (made === 100) controller.close();
      else controller.enqueue(`${made++}`.padEnd(1000));
    },
  });
  const done = source.pipeTo(producerStream(producer, (value: string) => ({ topic: "t", value })));
  await settle();
  await settle();
  assertEquals(made < 15, true);
  gate.resolve();
  await done;
  assertEquals(log.texts.map(Number), Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("Producer stream takes records as they are, and its end is their acknowledgement", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  await using producer = new Producer({ ...cluster.options, lingerMs: 10_000 });
  await ReadableStream.from([{ topic: "t", value: "a" }, { topic: "t", value: "b" }])
    .pipeTo(producerStream(producer));
  assertEquals(log.texts, ["a", "b"]);
});

Deno.test("Producer stream that cannot make a record of a chunk breaks", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  await using producer = new Producer(cluster.options);
  const stream = producerStream(producer, () => {
    throw new SyntaxError("no record");
  });
  await assertRejects(() => ReadableStream.from(["a"]).pipeTo(stream), SyntaxError, "no record");
});

Deno.test("Producer stream breaks at its end when the last record fails", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  cluster.on(PRODUCE, (request) => cluster.produce(request, 1, () => "INVALID_RECORD"));
  await using producer = new Producer(cluster.options);
  const stream = producerStream(producer, (value: string) => ({ topic: "t", value }));
  await assertRejects(
    () => ReadableStream.from(["a"]).pipeTo(stream),
    KafkaError,
    "Cannot produce to t-0: INVALID_RECORD",
  );
});

Deno.test("Consumer stream composes, and ends when the consumer is closed", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  await using producer = new Producer({ ...cluster.options, lingerMs: 0 });
  for (const value of ["a", "b", "c"]) producer.send({ topic: "t", partition: 0, value });
  await producer.flush();
  const consumer = new Consumer({ ...cluster.options, autoOffsetReset: "earliest" });
  consumer.assign([{ topic: "t", partition: 0 }]);
  const values = consumerStream(consumer).pipeThrough(toTransformStream(async function* (records) {
    for await (const { value } of records) yield new TextDecoder().decode(value!);
  }));
  const found: string[] = [];
  for await (const value of values) {
    found.push(value);
    if (found.length === 3) await consumer.close();
  }
  assertEquals(found, ["a", "b", "c"]);
});
