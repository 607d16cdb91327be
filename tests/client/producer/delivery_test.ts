import { assert, assertEquals, assertRejects } from "@std/assert";
import { PRODUCE } from "../../../client/apis.ts";
import { Producer } from "../../../client/producer/producer.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { FakeCluster } from "../support/fake_cluster.ts";

Deno.test("Producer gives up on a batch after deliveryTimeoutMs, whatever the retries", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, (request) => cluster.produce(request, 1, () => "NOT_ENOUGH_REPLICAS"));
  await using producer = new Producer({ ...cluster.options, deliveryTimeoutMs: 5000 });
  const failed = assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    KafkaError,
    "Cannot produce to orders-0: not acknowledged within 5000 ms (sent ",
  );
  await cluster.environment.advance(4900);
  const attempts = cluster.requests(PRODUCE).length;
  assert(attempts > 3 && attempts < 15, `${attempts} attempts`);
  await cluster.environment.advance(200);
  await failed;
});

Deno.test("Producer gives up on a batch on the wire after deliveryTimeoutMs", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, () => "hang");
  await using producer = new Producer({ ...cluster.options, deliveryTimeoutMs: 2000 });
  const failed = assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    KafkaError,
    "Cannot produce to orders-0: not acknowledged within 2000 ms (sent 1 times)",
  );
  await cluster.environment.advance(2100);
  await failed;
  const closed = producer.close();
  await cluster.environment.advance(30_000);
  await closed;
});

Deno.test("Producer gives up on a batch that no broker can be reached for", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, deliveryTimeoutMs: 5000 });
  const first = producer.send({ topic: "orders", value: "v" });
  await producer.flush();
  await first;
  cluster.down.add(1);
  cluster.disconnect();
  const failed = assertRejects(() => producer.send({ topic: "orders", value: "v" }), KafkaError);
  await cluster.environment.advance(5100);
  assertEquals((await failed).kind, "REQUEST_TIMED_OUT");
});

Deno.test("Producer stops after the retries that it was given", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, (request) => cluster.produce(request, 1, () => "NOT_ENOUGH_REPLICAS"));
  await using producer = new Producer({ ...cluster.options, retries: 2 });
  const failed = assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    KafkaError,
    "Cannot produce to orders-0: NOT_ENOUGH_REPLICAS (sent 3 times)",
  );
  await cluster.environment.advance(3000);
  await failed;
});

Deno.test("Producer tells what is wrong with which record of a batch", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, (request) => {
    const answer = cluster.produce(request, 1, () => "INVALID_RECORD");
    const [{ partitionResponses: [partition], ...rest }] = answer.responses;
    const recordErrors = [{ batchIndex: 0, batchIndexErrorMessage: "it has no key" }];
    return { responses: [{ ...rest, partitionResponses: [{ ...partition, recordErrors }] }] };
  });
  await using producer = new Producer(cluster.options);
  const failed = assertRejects(
    () => producer.send({ topic: "orders", value: "v" }),
    KafkaError,
    "Cannot produce to orders-0: INVALID_RECORD: record 0 of the batch: it has no key",
  );
  await producer.flush();
  await failed;
});

Deno.test("Producer with one request in flight keeps the order without idempotence", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  let count = 0;
  cluster.on(
    PRODUCE,
    (request) =>
      cluster.produce(request, 1, () => count++ % 3 === 0 ? "NOT_ENOUGH_REPLICAS" : null),
  );
  await using producer = new Producer({
    ...cluster.options,
    enableIdempotence: false,
    maxInFlightRequestsPerConnection: 1,
    batchSize: 1,
    lingerMs: 0,
  });
  const sent = Array.from(
    { length: 10 },
    (_, i) => producer.send({ topic: "orders", value: `${i}` }),
  );
  await cluster.environment.advance(30_000);
  await Promise.all(sent);
  assertEquals(log.texts, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

const NUMBERS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

for (const compressionType of ["none", "zstd"] as const) {
  for (const enableIdempotence of [true, false]) {
    const how = `${compressionType}, ${enableIdempotence ? "" : "not "}idempotent`;
    Deno.test(`Producer splits batches that the broker finds too large (${how})`, async () => {
      const cluster = new FakeCluster();
      const { logs: [log] } = cluster.topic("orders");
      cluster.on(PRODUCE, (request) => {
        const bytes = request.topicData[0].partitionData[0].records![0].length;
        return cluster.produce(request, 1, () => bytes > 900 ? "MESSAGE_TOO_LARGE" : null);
      });
      const random = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7919) ^ (i * i >> 3));
      await using producer = new Producer({
        ...cluster.options,
        compressionType,
        enableIdempotence,
      });
      const sent = Array.from(
        { length: 10 },
        (_, i) =>
          producer.send({
            topic: "orders",
            key: `${i}`,
            value: random.slice(i * 300, i * 300 + 300),
          }),
      );
      await producer.flush();
      const places = await Promise.all(sent);
      const keys = log.records.map(({ key }) => new TextDecoder().decode(key!));
      assertEquals(places.map(({ offset }) => keys[Number(offset)]), NUMBERS);
      // Without sequence numbers halves may overtake each other, as any two batches in flight may.
      assertEquals(enableIdempotence ? keys : keys.toSorted(), NUMBERS);
      assert(log.batches.length > 1);
    });
  }
}

Deno.test("Producer fails a single record that the broker finds too large", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(PRODUCE, (request) => cluster.produce(request, 1, () => "MESSAGE_TOO_LARGE"));
  await using producer = new Producer(cluster.options);
  const sent = [1, 2, 3].map((value) => producer.send({ topic: "orders", value: `${value}` }));
  const results = Promise.allSettled(sent);
  await producer.flush();
  for (const result of await results) assertEquals(result.status, "rejected");
});
