import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { INIT_PRODUCER_ID, METADATA, PRODUCE } from "../../../client/apis.ts";
import { Producer } from "../../../client/producer/producer.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { settle } from "../../support/manual_environment.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";

const text = (length: number) => "x".repeat(length);

Deno.test("Producer stores a record and tells its place", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("orders", 3);
  await using producer = new Producer(cluster.options);
  const sent = producer.send({
    topic: "orders",
    partition: 2,
    key: "k",
    value: "v",
    headers: [{ key: "h", value: "1" }],
    timestampMs: 5,
  });
  await cluster.environment.advance(5);
  assertEquals(await sent, { topic: "orders", partition: 2, offset: 0n, timestampMs: 5 });
  const [record] = logs[2].records;
  assertEquals(new TextDecoder().decode(record.key!), "k");
  assertEquals(record.headers, [{ key: "h", value: new TextEncoder().encode("1") }]);
});

Deno.test("Producer puts records of one linger time into one batch, and lets it go when the time is over", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, lingerMs: 50 });
  const first = producer.send({ topic: "orders", value: "a" });
  await cluster.environment.advance(40);
  const second = producer.send({ topic: "orders", value: "b" });
  await cluster.environment.advance(5);
  assertEquals(cluster.requests(PRODUCE).length, 0);
  await cluster.environment.advance(10);
  assertEquals([(await first).offset, (await second).offset], [0n, 1n]);
  assertEquals(log.batches.length, 1);
});

Deno.test("Producer sends a full batch without waiting for linger", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, lingerMs: 10_000, batchSize: 1000 });
  const sent = [1, 2, 3].map(() => producer.send({ topic: "orders", value: text(400) }));
  await Promise.all(sent.slice(0, 2));
  assertEquals(log.batches.length, 1);
  assertEquals(log.records.length, 2);
  await producer.flush();
  assertEquals(log.records.length, 3);
});

Deno.test("Producer flush sends what lingers and waits until it is acknowledged", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, lingerMs: 10_000 });
  for (const value of ["a", "b", "c"]) producer.send({ topic: "orders", value });
  await producer.flush();
  assertEquals(log.texts, ["a", "b", "c"]);
});

Deno.test("Producer puts ready batches of several partitions into one request", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders", 8);
  await using producer = new Producer(cluster.options);
  for (let partition = 0; partition < 8; partition++) {
    producer.send({ topic: "orders", partition, value: "v" });
  }
  await producer.flush();
  assertEquals(cluster.requests(PRODUCE).length, 1);
  const [{ partitionData }] = cluster.requests(PRODUCE)[0].body.topicData;
  assertEquals(partitionData.length, 8);
});

Deno.test("Producer keeps a request below maxRequestSize", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders", 4);
  await using producer = new Producer({ ...cluster.options, maxRequestSize: 2000 });
  for (let partition = 0; partition < 4; partition++) {
    producer.send({ topic: "orders", partition, value: text(800) });
  }
  await producer.flush();
  assertEquals(
    cluster.requests(PRODUCE).map(({ body }) => body.topicData[0].partitionData.length),
    [2, 2],
  );
});

Deno.test("Producer has at most maxInFlightRequestsPerConnection requests without an answer", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, batchSize: 1, lingerMs: 0 });
  producer.send({ topic: "orders", value: "0" });
  await producer.flush();
  const gate = Promise.withResolvers<void>();
  cluster.on(PRODUCE, async (request) => {
    await gate.promise;
    return cluster.produce(request);
  });
  for (let i = 1; i < 8; i++) producer.send({ topic: "orders", value: `${i}` });
  await settle();
  await settle();
  assertEquals(cluster.requests(PRODUCE).length, 1 + 5);
  gate.resolve();
  await producer.flush();
  assertEquals(log.texts, ["0", "1", "2", "3", "4", "5", "6", "7"]);
});

Deno.test("Producer asks for topics of one moment in one request", async () => {
  const cluster = new FakeCluster();
  for (let i = 0; i < 10; i++) cluster.topic(`topic-${i}`);
  await using producer = new Producer(cluster.options);
  for (let i = 0; i < 10; i++) producer.send({ topic: `topic-${i}`, value: "v" });
  await producer.flush();
  assertEquals(cluster.requests(METADATA).length, 1);
});

Deno.test("Producer takes records of one topic in the order of the calls while the topic is unknown", async () => {
  const cluster = new FakeCluster();
  await using producer = new Producer({ ...cluster.options, retryBackoffMs: 100 });
  const early = producer.send({ topic: "orders", value: "1" });
  await cluster.environment.advance(250);
  const { logs: [log] } = cluster.topic("orders");
  const late = producer.send({ topic: "orders", value: "2" });
  await cluster.environment.advance(1000);
  await Promise.all([early, late]);
  assertEquals(log.texts, ["1", "2"]);
});

Deno.test("Producer gives up on an unknown topic after maxBlockMs", async () => {
  const cluster = new FakeCluster();
  await using producer = new Producer({ ...cluster.options, maxBlockMs: 2000 });
  const failed = assertRejects(
    () => producer.send({ topic: "nowhere", value: "v" }),
    KafkaError,
    "Cannot produce to nowhere: UNKNOWN_TOPIC_OR_PARTITION: No metadata of topic nowhere within 2000 ms",
  );
  await cluster.environment.advance(3000);
  await failed;
});

Deno.test("Producer fails at once for a topic whose name is invalid", async () => {
  const cluster = new FakeCluster();
  cluster.on(METADATA, (request) => {
    const answer = cluster.metadata(request);
    const topics = answer.topics.map((topic) => ({
      ...topic,
      errorCode: code("INVALID_TOPIC_EXCEPTION"),
    }));
    return { ...answer, topics };
  });
  await using producer = new Producer(cluster.options);
  const error = await assertRejects(() => producer.send({ topic: "a/b", value: "v" }), KafkaError);
  assertEquals(error.kind, "INVALID_TOPIC_EXCEPTION");
});

Deno.test("Producer waits for a partition that does not exist yet", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders", 1);
  await using producer = new Producer(cluster.options);
  const sent = producer.send({ topic: "orders", partition: 1, value: "v" });
  await cluster.environment.advance(500);
  const { logs } = cluster.topic("orders", 2);
  await cluster.environment.advance(2000);
  assertEquals((await sent).partition, 1);
  assertEquals(logs[1].texts, ["v"]);
});

Deno.test("Producer holds records back while the buffer is full, in order, and ready tells when there is room", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  const gate = Promise.withResolvers<void>();
  cluster.on(PRODUCE, async (request) => {
    await gate.promise;
    return cluster.produce(request);
  });
  await using producer = new Producer({
    ...cluster.options,
    bufferMemory: 10_000,
    maxRequestSize: 5000,
    lingerMs: 0,
  });
  const sent = Array.from(
    { length: 20 },
    (_, i) => producer.send({ topic: "orders", value: `${i}`.padEnd(1000) }),
  );
  let isReady = false;
  producer.ready.then(() => isReady = true);
  await cluster.environment.advance(10);
  const inRequests = cluster.requests(PRODUCE).length;
  assert(inRequests > 0 && !isReady, `${inRequests} requests, ready: ${isReady}`);
  assertEquals(log.records.length, 0);
  gate.resolve();
  await Promise.all(sent);
  assert(isReady);
  assertEquals(log.texts.map((value) => Number(value)), Array.from({ length: 20 }, (_, i) => i));
});

Deno.test("Producer refuses a record that finds no room within maxBlockMs", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, () => "hang");
  const producer = new Producer({
    ...cluster.options,
    bufferMemory: 2000,
    maxBlockMs: 1000,
    lingerMs: 0,
  });
  producer.send({ topic: "orders", value: text(1500) }).catch(() => {});
  const error = assertRejects(
    () => producer.send({ topic: "orders", value: text(1500) }),
    KafkaError,
    "Cannot produce to orders: No room for 1536 bytes in the buffer of 2000 bytes",
  );
  await cluster.environment.advance(1001);
  await error;
  const closed = producer.close(0);
  await cluster.environment.advance(1);
  await closed;
});

Deno.test("Producer refuses a record larger than maxRequestSize", async () => {
  const cluster = new FakeCluster();
  await using producer = new Producer({ ...cluster.options, maxRequestSize: 1000 });
  const error = await assertRejects(
    () => producer.send({ topic: "orders", value: text(1000) }),
    KafkaError,
    "Cannot produce to orders: a record of 1036 bytes is larger than maxRequestSize allows (1000)",
  );
  assertEquals(error.kind, "MESSAGE_TOO_LARGE");
});

Deno.test("Producer with acks 0 does not wait for answers and does not ask for a producer id", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.on(PRODUCE, (request) => {
    cluster.produce(request);
    return "none";
  });
  await using producer = new Producer({ ...cluster.options, acks: 0 });
  const sent = producer.send({ topic: "orders", value: "v" });
  await producer.flush();
  assertEquals((await sent).offset, -1n);
  await settle();
  assertEquals(log.texts, ["v"]);
  assertEquals(cluster.requests(INIT_PRODUCER_ID), []);
});

for (const compressionType of ["gzip", "snappy", "lz4", "zstd"] as const) {
  Deno.test(`Producer compresses batches with ${compressionType}`, async () => {
    const cluster = new FakeCluster();
    const { logs: [log] } = cluster.topic("orders");
    await using producer = new Producer({ ...cluster.options, compressionType });
    for (let i = 0; i < 10; i++) producer.send({ topic: "orders", value: text(1000) });
    await producer.flush();
    assertEquals(log.records.length, 10);
    assert(log.batches[0].length < 2000);
  });
}

Deno.test("Producer uses names of topics with a broker that knows no topic ids", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.versions.set("Metadata", [0, 9]);
  await using producer = new Producer(cluster.options);
  producer.send({ topic: "orders", value: "v" });
  await producer.flush();
  assertEquals(cluster.requests(PRODUCE)[0].version, 12);
  assertEquals(log.texts, ["v"]);
});

Deno.test("Producer works with the oldest broker that Kafka's own client supports", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.versions.set("Metadata", [0, 7]).set("Produce", [0, 7]).set("InitProducerId", [0, 1]);
  await using producer = new Producer(cluster.options);
  producer.send({ topic: "orders", value: "v" });
  await producer.flush();
  assertEquals(cluster.requests(PRODUCE)[0].version, 7);
  assertEquals(log.texts, ["v"]);
});

Deno.test("Producer takes the word of a partitioner of one's own, if it makes sense", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders", 3);
  const seen: unknown[] = [];
  await using producer = new Producer({
    ...cluster.options,
    partitioner: (record, count, topic) => {
      seen.push([count, topic]);
      return record.key ? 1 : 3;
    },
  });
  const sent = producer.send({ topic: "orders", key: "k", value: "v" });
  await producer.flush();
  assertEquals((await sent).partition, 1);
  await assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    RangeError,
    "Cannot produce to orders: the partitioner chose 3 of 3 partitions",
  );
  assertEquals(seen, [[3, "orders"], [3, "orders"]]);
});

Deno.test("Producer closes after all is acknowledged, and refuses records from then on", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  const producer = new Producer({ ...cluster.options, lingerMs: 10_000 });
  const sent = producer.send({ topic: "orders", value: "v" });
  await producer.close();
  assertEquals((await sent).offset, 0n);
  assertEquals(log.texts, ["v"]);
  await assertRejects(() => producer.send({ topic: "orders", value: "v" }), TypeError, "closed");
});

Deno.test("Producer closed in a hurry fails what is not acknowledged", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, () => "hang");
  const producer = new Producer(cluster.options);
  const failed = assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    KafkaError,
    "closed before it was acknowledged",
  );
  const closed = producer.close(100);
  await cluster.environment.advance(101);
  await Promise.all([closed, failed]);
});

Deno.test("Producer refuses settings that exclude each other", () => {
  const { options } = new FakeCluster();
  assertThrows(
    () => new Producer({ ...options, enableIdempotence: true, acks: 1 }),
    TypeError,
    "Cannot use enableIdempotence with acks 1",
  );
  assertThrows(
    () =>
      new Producer({ ...options, enableIdempotence: true, maxInFlightRequestsPerConnection: 6 }),
    TypeError,
    "Cannot use enableIdempotence with maxInFlightRequestsPerConnection 6",
  );
  assertThrows(() => new Producer({ ...options, lingerMs: -1 }), RangeError, "lingerMs -1");
});
