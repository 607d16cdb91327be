import { assertEquals } from "@std/assert";
import { LIST_OFFSETS, METADATA } from "../../../client/apis.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { consumerOf, fill, read, texts } from "../support/consumers.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";

const T0 = { topic: "t", partition: 0 };
const T1 = { topic: "t", partition: 1 };

Deno.test("Consumer reads a topic's partitions although one does not exist, and that one once it does", async () => {
  const cluster = new FakeCluster();
  const topic = cluster.topic("t", 1);
  fill(topic.logs[0], ["1"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, { topic: "t", partition: 1 }]);
  assertEquals(await read(cluster, consumer, 1), ["1"]);
  const idle = consumer.poll({ timeoutMs: 300_000 }); // Kafka's waits as quietly
  await cluster.environment.advance(300_000);
  assertEquals(await idle, []);
  const { logs: [, log] } = cluster.topic("t", 2);
  cluster.topics.get("t")!.logs[0] = topic.logs[0];
  fill(log, ["2"]);
  assertEquals(await read(cluster, consumer, 1), ["2"]);
});

Deno.test("Consumer reads a topic's partitions while one has no leader, and asks for that once a second", async () => {
  const cluster = new FakeCluster();
  const topic = cluster.topic("t", 2);
  fill(topic.logs[0], ["1"]);
  fill(topic.logs[1], ["2"]);
  topic.leaders[1] = -1;
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1]);
  assertEquals(await read(cluster, consumer, 1), ["1"]);
  const before = cluster.requests(METADATA).length;
  const idle = consumer.poll({ timeoutMs: 60_000 });
  await cluster.environment.advance(60_000);
  assertEquals(await idle, []);
  const asked = cluster.requests(METADATA).length - before;
  assertEquals(asked >= 45 && asked <= 80, true, `${asked} times`);
  topic.leaders[1] = 1;
  assertEquals(await read(cluster, consumer, 1), ["2"]);
});

Deno.test("Consumer reads from one leader while another does not say where to begin", async () => {
  const cluster = new FakeCluster(2);
  const topic = cluster.topic("t", 2);
  topic.leaders[1] = 2;
  fill(topic.logs[0], ["1"]);
  fill(topic.logs[1], ["2"]);
  cluster.on(LIST_OFFSETS, (request, { nodeId }) => {
    return nodeId === 2 ? "none" : cluster.listOffsets(request);
  });
  await using consumer = consumerOf(cluster);
  consumer.assign([T1, T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  cluster.on(LIST_OFFSETS, (request) => cluster.listOffsets(request));
  const late = consumer.poll({ timeoutMs: 60_000 });
  await cluster.environment.advance(60_000);
  assertEquals(texts(await late), ["2"]);
});

Deno.test("Consumer begins with the partitions that were answered, whatever was answered of others", async () => {
  for (const error of ["NOT_LEADER_OR_FOLLOWER", "TOPIC_AUTHORIZATION_FAILED"] as const) {
    const cluster = new FakeCluster();
    const { logs } = cluster.topic("t", 2);
    fill(logs[1], ["2"]);
    cluster.on(LIST_OFFSETS, (request) => {
      const [{ name, partitions }] = request.topics;
      const refused = (index: number) => ({ partitionIndex: index, errorCode: code(error) });
      const begin = (index: number) => ({ partitionIndex: index, errorCode: 0, offset: 0n });
      return {
        topics: [{
          name,
          partitions: partitions.map(({ partitionIndex: i }) => i === 0 ? refused(i) : begin(i)),
        }],
      };
    });
    await using consumer = consumerOf(cluster);
    consumer.assign([T0, T1]);
    const seen: string[] = [];
    for (let i = 0; i < 2; i++) {
      const polled = consumer.poll({ timeoutMs: 600 }).then(
        (records) => texts(records).join(),
        (error) => error instanceof KafkaError ? error.kind : String(error),
      );
      await cluster.environment.advance(600);
      seen.push(await polled);
    }
    const isFinal = error === "TOPIC_AUTHORIZATION_FAILED";
    assertEquals(seen, isFinal ? [error, "2"] : ["2", ""], error);
  }
});
