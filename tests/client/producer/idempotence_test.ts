import { assert, assertEquals, assertRejects } from "@std/assert";
import { INIT_PRODUCER_ID, METADATA, PRODUCE } from "../../../client/apis.ts";
import { Producer } from "../../../client/producer/producer.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import type { ErrorName } from "../../../protocol/errors.ts";
import type { RecordMetadata } from "../../../client/producer/record.ts";
import { settle } from "../../support/manual_environment.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";
import type { FakeLog } from "../support/fake_log.ts";

/** Every record its own batch, sent at once. */
const SINGLY = { batchSize: 1, lingerMs: 0 };

function sendAll(producer: Producer, count: number, from = 0): Promise<RecordMetadata>[] {
  return Array.from(
    { length: count },
    (_, i) => producer.send({ topic: "orders", partition: 0, value: `${from + i}` }),
  );
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`);
}

/** Lets a world run until a promise settles. */
async function finish<T>(cluster: FakeCluster, promise: Promise<T>, seconds = 300): Promise<T> {
  let done = false;
  const settled = promise.finally(() => done = true);
  settled.catch(() => {});
  for (let i = 0; i < seconds && !done; i++) await cluster.environment.advance(1000);
  assert(done, `not done after ${seconds} s`);
  return await settled;
}

function identities(log: FakeLog): [bigint, number, number][] {
  return log.batches.map((batch) => {
    const { producerId, producerEpoch, baseSequence } = readBatchHeader(batch);
    return [producerId, producerEpoch, baseSequence];
  });
}

Deno.test("Idempotent producer numbers records per partition without a gap", async () => {
  const cluster = new FakeCluster();
  const { logs: [log, other] } = cluster.topic("orders", 2);
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  producer.send({ topic: "orders", partition: 1, value: "x" });
  sendAll(producer, 4);
  await producer.flush();
  assertEquals(identities(log), [[1000n, 0, 0], [1000n, 0, 1], [1000n, 0, 2], [1000n, 0, 3]]);
  assertEquals(identities(other), [[1000n, 0, 0]]);
  assertEquals(cluster.initProducerIds, 1);
});

Deno.test("Idempotent producer keeps the order when the second of five batches in flight fails", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  const sent = await finish(cluster, Promise.all(sendAll(producer, 1)));
  const gate = Promise.withResolvers<void>();
  cluster.next(
    PRODUCE,
    async (request) => {
      await gate.promise;
      return cluster.produce(request);
    },
    async (request) => {
      await gate.promise;
      return cluster.produce(request, 1, () => "NOT_ENOUGH_REPLICAS");
    },
  );
  const more = sendAll(producer, 19, 1);
  await settle();
  assertEquals(cluster.requests(PRODUCE).length, 6); // all five went out before the first was answered
  gate.resolve();
  sent.push(...await finish(cluster, Promise.all(more)));
  assertEquals(sent.map(({ offset }) => Number(offset)), numbers(20).map(Number));
  assertEquals(log.texts, numbers(20));
  assertEquals(cluster.initProducerIds, 1);
  assertEquals(new Set(identities(log).map(([, epoch]) => epoch)), new Set([0]));
});

Deno.test("Idempotent producer sends the first batch of a partition alone, so that the second cannot overtake it", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.next(PRODUCE, (request) => cluster.produce(request, 1, () => "NOT_ENOUGH_REPLICAS"));
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.all(sendAll(producer, 10)));
  assertEquals(log.texts, numbers(10));
});

Deno.test("Idempotent producer is answered with the old offset when an answer was lost", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.next(PRODUCE, (request) => {
    cluster.produce(request);
    return "close";
  });
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  const sent = await finish(cluster, Promise.all(sendAll(producer, 8)));
  assertEquals(sent.map(({ offset }) => Number(offset)), numbers(8).map(Number));
  assertEquals(log.texts, numbers(8));
});

Deno.test("Idempotent producer takes DUPLICATE_SEQUENCE_NUMBER for success at an unknown offset", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.next(
    PRODUCE,
    (request) => cluster.produce(request, 1, () => "DUPLICATE_SEQUENCE_NUMBER"),
  );
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  const [sent] = await Promise.all(sendAll(producer, 1));
  assertEquals(sent.offset, -1n);
});

Deno.test("Idempotent producer raises its epoch and goes on when a batch is refused for good", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.next(
    PRODUCE,
    (request) => cluster.produce(request),
    (request) => cluster.produce(request, 1, () => "INVALID_RECORD"),
  );
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  const results = await finish(cluster, Promise.allSettled(sendAll(producer, 6)));
  assertEquals(results.map(({ status }) => status === "fulfilled"), [
    true,
    false,
    true,
    true,
    true,
    true,
  ]);
  assertEquals(log.texts, ["0", "2", "3", "4", "5"]);
  assertEquals(identities(log), [
    [1000n, 0, 0],
    [1000n, 1, 0],
    [1000n, 1, 1],
    [1000n, 1, 2],
    [1000n, 1, 3],
  ]);
});

Deno.test("Idempotent producer numbers anew when the broker has lost what came before", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.all(sendAll(producer, 3)));
  let lost = true;
  cluster.on(
    PRODUCE,
    (request) =>
      cluster.produce(request, 1, () => {
        const { producerEpoch } = readBatchHeader(
          request.topicData[0].partitionData[0].records![0],
        );
        if (producerEpoch > 0) lost = false;
        return lost ? "OUT_OF_ORDER_SEQUENCE_NUMBER" : null;
      }),
  );
  await finish(cluster, Promise.all(sendAll(producer, 5, 3)));
  assertEquals(log.texts, numbers(8));
  assertEquals(identities(log).slice(3), [0, 1, 2, 3, 4].map((sequence) => [1000n, 1, sequence]));
});

Deno.test("Idempotent producer gets over UNKNOWN_PRODUCER_ID the same way", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.next(PRODUCE, (request) => cluster.produce(request, 1, () => "UNKNOWN_PRODUCER_ID"));
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.all(sendAll(producer, 3)));
  assertEquals(log.texts, numbers(3));
  assertEquals(identities(log)[0], [1000n, 1, 0]);
});

Deno.test("Idempotent producer does not repeat a record when a batch of unknown fate has expired", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  await using producer = new Producer({
    ...cluster.options,
    ...SINGLY,
    requestTimeoutMs: 1000,
    deliveryTimeoutMs: 3000,
    retries: 5,
  });
  // Stored, but nobody ever hears of it.
  cluster.on(PRODUCE, (request) => {
    cluster.produce(request);
    return "hang";
  });
  const [first] = await finish(cluster, Promise.allSettled(sendAll(producer, 1)));
  assertEquals(first.status, "rejected");
  await cluster.environment.advance(5000); // the last attempt times out
  cluster.on(PRODUCE, (request) => cluster.produce(request));
  await finish(cluster, Promise.all(sendAll(producer, 3, 1)));
  assertEquals(log.texts, numbers(4));
  assertEquals(identities(log).map(([, epoch]) => epoch), [0, 1, 1, 1]);
});

Deno.test("Idempotent producer asks for another id when its epochs are used up", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("orders");
  cluster.next(INIT_PRODUCER_ID, () => ({
    throttleTimeMs: 0,
    errorCode: 0,
    producerId: 7n,
    producerEpoch: 0x7fff,
  }));
  cluster.next(PRODUCE, (request) => cluster.produce(request, 1, () => "INVALID_RECORD"));
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.allSettled(sendAll(producer, 1)));
  await finish(cluster, Promise.all(sendAll(producer, 2)));
  assertEquals(identities(log), [[1000n, 0, 0], [1000n, 0, 1]]);
});

Deno.test("Idempotent producer fails records when it may not have a producer id", async () => {
  const cluster = new FakeCluster();
  cluster.topic("orders");
  cluster.on(INIT_PRODUCER_ID, () => ({
    throttleTimeMs: 0,
    errorCode: code("CLUSTER_AUTHORIZATION_FAILED"),
    producerId: -1n,
    producerEpoch: -1,
  }));
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await assertRejects(
    () => sendAll(producer, 1)[0],
    KafkaError,
    "Cannot produce to orders-0: Cannot get a producer id: CLUSTER_AUTHORIZATION_FAILED",
  );
});

Deno.test("Idempotent producer follows the leader that an answer names, without asking for metadata", async () => {
  const cluster = new FakeCluster(2);
  const topic = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.all(sendAll(producer, 1)));
  const questions = cluster.requests(METADATA).length;
  topic.leaders[0] = 2;
  topic.epochs[0] = 1;
  cluster.on(PRODUCE, (request, { nodeId }) => {
    const answer = cluster.produce(request, nodeId);
    if (nodeId === 2) return answer;
    const [{ partitionResponses: [partition], ...rest }] = answer.responses;
    return {
      ...answer,
      responses: [{
        ...rest,
        partitionResponses: [{ ...partition, currentLeader: { leaderId: 2, leaderEpoch: 1 } }],
      }],
      nodeEndpoints: [{ nodeId: 2, host: "broker", port: 9002 }],
    };
  });
  await finish(cluster, Promise.all(sendAll(producer, 5, 1)));
  assertEquals(topic.logs[0].texts, numbers(6));
  assertEquals(cluster.requests(METADATA).length, questions);
});

Deno.test("Idempotent producer asks who leads when an answer does not say", async () => {
  const cluster = new FakeCluster(2);
  const topic = cluster.topic("orders");
  await using producer = new Producer({ ...cluster.options, ...SINGLY });
  await finish(cluster, Promise.all(sendAll(producer, 1)));
  topic.leaders[0] = 2;
  topic.epochs[0] = 1;
  await finish(cluster, Promise.all(sendAll(producer, 9, 1)));
  assertEquals(topic.logs[0].texts, numbers(10));
});

for (let seed = 1; seed <= 12; seed++) {
  Deno.test(`Idempotent producer stores each record once and in order whatever breaks (${seed})`, async () => {
    const cluster = new FakeCluster(3);
    const topic = cluster.topic("orders", 3);
    let state = seed * 7919;
    const random = (max: number) => {
      state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fffffff;
      return (state >>> 8) % max;
    };
    const transient: ErrorName[] = [
      "NOT_ENOUGH_REPLICAS",
      "REQUEST_TIMED_OUT",
      "NOT_LEADER_OR_FOLLOWER",
      "KAFKA_STORAGE_ERROR",
    ];
    let calm = false;
    cluster.on(PRODUCE, (request, { nodeId }) => {
      const fault = calm ? 99 : random(12);
      if (fault === 0) return "close"; // not stored
      if (fault === 1) {
        cluster.produce(request, nodeId);
        return "close"; // stored, but the answer is lost
      }
      if (fault === 2) return cluster.produce(request, nodeId, () => transient[random(4)]);
      if (fault === 3) {
        const partition = random(3);
        topic.leaders[partition] = 1 + random(3);
        topic.epochs[partition]++;
      }
      return cluster.produce(request, nodeId);
    });
    await using producer = new Producer({
      ...cluster.options,
      batchSize: 150,
      lingerMs: 2,
      requestTimeoutMs: 5000,
    });
    const sent: Promise<RecordMetadata>[] = [];
    const expected: string[][] = [[], [], []];
    for (let i = 0; i < 300; i++) {
      const partition = random(3);
      expected[partition].push(`${i}`);
      sent.push(producer.send({ topic: "orders", partition, value: `${i}` }));
      if (random(10) === 0) await cluster.environment.advance(random(30));
    }
    for (let i = 0; i < 60; i++) await cluster.environment.advance(1000);
    calm = true;
    const places = await finish(cluster, Promise.all(sent));
    assertEquals(topic.logs.map(({ texts }) => texts), expected);
    places.forEach(({ partition, offset }, i) =>
      assertEquals(topic.logs[partition].texts[Number(offset)], `${i}`)
    );
  });
}
