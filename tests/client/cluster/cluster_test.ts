import { assert, assertEquals, assertRejects } from "@std/assert";
import { METADATA } from "../../../client/apis.ts";
import { Cluster } from "../../../client/cluster/cluster.ts";
import { clientSettings } from "../../../client/options.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { addressOf, code, FakeCluster } from "../support/fake_cluster.ts";

function clientOf(cluster: FakeCluster, options = {}): Cluster {
  const settings = clientSettings({ ...cluster.options, ...options });
  return new Cluster(settings, { allowAutoTopicCreation: false, inFlightMax: 5 });
}

Deno.test("Metadata is asked for once for all who need it at the same time", async () => {
  const cluster = new FakeCluster();
  cluster.topic("a");
  cluster.topic("b");
  const client = clientOf(cluster);
  await Promise.all(["a", "b", "a"].map((topic) => client.metadata.awaitTopic(topic, 1000)));
  assertEquals(cluster.requests(METADATA).length, 1);
  assertEquals(cluster.requests(METADATA)[0].body.allowAutoTopicCreation, false);
  client.close();
});

Deno.test("Metadata that is known is not asked for again, until it is old", async () => {
  const cluster = new FakeCluster();
  cluster.topic("a");
  const client = clientOf(cluster, { metadataMaxAgeMs: 60_000 });
  await client.metadata.awaitTopic("a", 1000);
  await cluster.environment.advance(59_000);
  assert(client.metadata.topic("a"));
  await cluster.environment.advance(1001);
  assertEquals(cluster.requests(METADATA).length, 1);
  assert(client.metadata.topic("a"));
  await cluster.environment.advance(200);
  assertEquals(cluster.requests(METADATA).length, 2);
  client.close();
});

Deno.test("Metadata is not asked for more often than the backoff allows, however often it is doubted", async () => {
  const cluster = new FakeCluster();
  cluster.topic("a");
  const client = clientOf(cluster, { retryBackoffMs: 100 });
  await client.metadata.awaitTopic("a", 1000);
  for (let i = 0; i < 1000; i++) {
    client.metadata.invalidate();
    await cluster.environment.advance(1);
  }
  const count = cluster.requests(METADATA).length;
  assert(count > 5 && count < 15, `${count} requests`);
  client.close();
});

Deno.test("Metadata forgets topics that nobody has used for five minutes", async () => {
  const cluster = new FakeCluster();
  cluster.topic("a");
  cluster.topic("b");
  const client = clientOf(cluster);
  await client.metadata.awaitTopic("a", 1000);
  await cluster.environment.advance(301_000);
  await client.metadata.awaitTopic("b", 1000);
  const names = cluster.requests(METADATA).at(-1)!.body.topics.map(({ name }: { name: string }) =>
    name
  );
  assertEquals(names, ["b"]);
  client.close();
});

Deno.test("Cluster asks another broker when one cannot be reached", async () => {
  const cluster = new FakeCluster(3);
  cluster.down.add(1).add(3);
  const client = clientOf(cluster, { bootstrapServers: [1, 2, 3].map(addressOf) });
  await client.metadata.refresh();
  assertEquals(cluster.requests(METADATA)[0].nodeId, 2);
  client.close();
});

Deno.test("Cluster goes back to the bootstrap servers when no broker that it knows can be reached", async () => {
  const cluster = new FakeCluster(2);
  const client = clientOf(cluster, { bootstrapServers: [addressOf(3)] });
  await client.metadata.refresh(); // node 3 is a load balancer, say: it is not listed
  cluster.down.add(1).add(2);
  cluster.disconnect();
  await cluster.environment.advance(0);
  const refreshed = client.metadata.refresh();
  await cluster.environment.advance(2000);
  await refreshed;
  assertEquals(cluster.requests(METADATA).at(-1)!.nodeId, 3);
  client.close();
});

Deno.test("Cluster stays with the brokers that it knows when it is told to", async () => {
  const cluster = new FakeCluster(2);
  const client = clientOf(cluster, {
    bootstrapServers: [addressOf(3)],
    metadataRecoveryStrategy: "none",
  });
  await client.metadata.refresh();
  cluster.down.add(1).add(2);
  cluster.disconnect();
  await cluster.environment.advance(0);
  const failed = assertRejects(() => client.metadata.refresh(), KafkaError, "Cannot reach broker:");
  await cluster.environment.advance(2000);
  await failed;
  client.close();
});

Deno.test("Cluster bootstraps anew when a broker says so", async () => {
  const cluster = new FakeCluster(1);
  const client = clientOf(cluster, { bootstrapServers: [addressOf(2)] });
  await client.metadata.refresh();
  cluster.next(METADATA, (request) => ({
    ...cluster.metadata(request),
    errorCode: code("REBOOTSTRAP_REQUIRED"),
  }));
  await assertRejects(() => client.metadata.refresh(), KafkaError, "REBOOTSTRAP_REQUIRED");
  const refreshed = client.metadata.refresh();
  await cluster.environment.advance(1000);
  await refreshed;
  assertEquals(cluster.requests(METADATA).map(({ nodeId }) => nodeId).at(-1), 2);
  client.close();
});

Deno.test("Cluster tries again what is retriable, until it is done", async () => {
  const cluster = new FakeCluster();
  const client = clientOf(cluster);
  let attempts = 0;
  const done = client.retry("do it", () => {
    if (++attempts < 4) throw new KafkaError("NOT_CONTROLLER");
    return Promise.resolve("done");
  });
  await cluster.environment.advance(2000);
  assertEquals([await done, attempts], ["done", 4]);
  client.close();
});

Deno.test("Cluster does not try again what is final", async () => {
  const cluster = new FakeCluster();
  const client = clientOf(cluster);
  let attempts = 0;
  await assertRejects(
    () =>
      client.retry("do it", () => {
        attempts++;
        return Promise.reject(new KafkaError("INVALID_REQUEST"));
      }),
    KafkaError,
    "Cannot do it: INVALID_REQUEST",
  );
  assertEquals(attempts, 1);
  client.close();
});

Deno.test("Cluster gives up after the time it was given, and tells the last reason", async () => {
  const cluster = new FakeCluster();
  const client = clientOf(cluster);
  const failed = assertRejects(
    () => client.retry("do it", () => Promise.reject(new KafkaError("NOT_CONTROLLER")), 3000),
    KafkaError,
    "Cannot do it: not done within 3000 ms",
  );
  await cluster.environment.advance(3000);
  const error = await failed;
  assertEquals(error.kind, "REQUEST_TIMED_OUT");
  assertEquals((error.cause as KafkaError).kind, "NOT_CONTROLLER");
  client.close();
});

Deno.test("Metadata is asked for again and again while no broker answers, but not after close", async () => {
  const cluster = new FakeCluster();
  cluster.down.add(1);
  const client = clientOf(cluster);
  client.metadata.invalidate();
  await cluster.environment.advance(5000);
  const dials = cluster.dials;
  assert(dials > 3 && dials < 30, `${dials} dials`);
  client.close();
  await cluster.environment.advance(60_000);
  assertEquals(cluster.dials, dials);
});
