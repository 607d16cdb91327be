import { assertEquals } from "@std/assert";
import { FETCH, LIST_OFFSETS } from "../../../client/apis.ts";
import type { Consumer } from "../../../client/consumer/consumer.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { consumerOf, fill, texts } from "../support/consumers.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";

const T0 = { topic: "t", partition: 0 };
const T1 = { topic: "t", partition: 1 };
const T2 = { topic: "t", partition: 2 };

/** What polls return or throw, one after another, with time for fetches in between. */
async function polls(cluster: FakeCluster, consumer: Consumer, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    const polled = consumer.poll({ timeoutMs: 600 }).then(
      (records) => texts(records).join(),
      (error) => error instanceof KafkaError ? error.kind : String(error),
    );
    await cluster.environment.advance(1200);
    seen.push(await polled);
  }
  return seen;
}

/** A log with `count` records, more than the polls of a test can read one by one. */
function fillOneByOne(cluster: FakeCluster, count: number, partitions: number): void {
  const { logs } = cluster.topic("t", partitions);
  fill(logs[0], Array.from({ length: count }, (_, i) => `${i}`));
}

Deno.test("Consumer throws a partition's error with the next poll, once, however many records others have", async () => {
  const cluster = new FakeCluster();
  fillOneByOne(cluster, 50, 2);
  await using consumer = consumerOf(cluster, { autoOffsetReset: "none", maxPollRecords: 1 });
  consumer.assign([T0, T1]);
  consumer.seek(T0, 0n);
  consumer.seek(T1, 99n);
  assertEquals(await polls(cluster, consumer, 5), [
    "OFFSET_OUT_OF_RANGE",
    "0",
    "OFFSET_OUT_OF_RANGE",
    "1",
    "OFFSET_OUT_OF_RANGE",
  ]);
});

Deno.test("Consumer asks about a partition again only when its error was thrown", async () => {
  const cluster = new FakeCluster();
  fillOneByOne(cluster, 3, 2);
  await using consumer = consumerOf(cluster, { autoOffsetReset: "none" });
  await consumer.endOffsets([T0]); // so that the first poll knows whom to ask
  consumer.assign([T1]);
  consumer.seek(T1, 99n);
  await consumer.poll({ timeoutMs: 0 }); // begins to fetch
  await cluster.environment.advance(60_000);
  assertEquals(cluster.requests(FETCH).length, 1);
  consumer.assign([T0, T1]);
  consumer.seek(T0, 0n);
  assertEquals(await polls(cluster, consumer, 1), ["OFFSET_OUT_OF_RANGE"]);
  assertEquals(cluster.requests(FETCH).length, 1);
});

Deno.test("Consumer throws no error of a partition that was sought since, or taken away", async () => {
  const cluster = new FakeCluster();
  fillOneByOne(cluster, 3, 3);
  await using consumer = consumerOf(cluster, { autoOffsetReset: "none" });
  await consumer.endOffsets([T0]);
  consumer.assign([T0, T1, T2]);
  consumer.pause([T0]);
  consumer.seek(T0, 0n);
  consumer.seek(T1, 99n);
  consumer.seek(T2, 99n);
  await consumer.poll({ timeoutMs: 0 }); // begins to fetch
  await cluster.environment.advance(1000);
  assertEquals(cluster.requests(FETCH).length, 1);
  consumer.seek(T1, 0n);
  consumer.assign([T0, T1]);
  consumer.assign([T0, T1, T2]);
  consumer.seek(T2, 0n);
  assertEquals(await polls(cluster, consumer, 2), ["", ""]);
  consumer.resume([T0]);
  assertEquals(await polls(cluster, consumer, 1), ["0,1,2"]);
});

Deno.test("Consumer throws a damaged batch with the next poll, although others have records", async () => {
  const cluster = new FakeCluster();
  fillOneByOne(cluster, 50, 2);
  const [, log] = cluster.topics.get("t")!.logs;
  fill(log, ["100"]);
  log.batches[0][65] ^= 1;
  await using consumer = consumerOf(cluster, { maxPollRecords: 1 });
  consumer.assign([T0, T1]);
  assertEquals(await polls(cluster, consumer, 3), ["0", "CORRUPT_MESSAGE", "1"]);
});

Deno.test("Consumer throws an error of all partitions of a request once", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 3);
  fill(logs[0], ["1"]);
  const refuse = () => ({ errorCode: code("INVALID_REQUEST"), sessionId: 0, responses: [] });
  cluster.next(FETCH, refuse);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1, T2]);
  assertEquals(await polls(cluster, consumer, 2), ["INVALID_REQUEST", "1"]);
});

Deno.test("Consumer throws that positions cannot be looked up, and reads other topics meanwhile", async () => {
  const cluster = new FakeCluster();
  fillOneByOne(cluster, 50, 1);
  cluster.topic("secret");
  cluster.on(LIST_OFFSETS, (request) => {
    const [{ name, partitions }] = request.topics;
    if (name !== "secret") return cluster.listOffsets(request);
    const errorCode = code("TOPIC_AUTHORIZATION_FAILED");
    return {
      topics: [{
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      }],
    };
  });
  await using consumer = consumerOf(cluster, { maxPollRecords: 1 });
  const secret = { topic: "secret", partition: 0 };
  consumer.assign([T0]);
  assertEquals(await polls(cluster, consumer, 1), ["0"]);
  consumer.assign([secret, T0]);
  assertEquals(await polls(cluster, consumer, 4), [
    "1",
    "TOPIC_AUTHORIZATION_FAILED",
    "2",
    "TOPIC_AUTHORIZATION_FAILED",
  ]);
  await polls(cluster, consumer, 1);
  consumer.seek(secret, 0n);
  assertEquals(await polls(cluster, consumer, 2), ["4", "5"]);
});
