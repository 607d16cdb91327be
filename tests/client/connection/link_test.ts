import { assert, assertEquals, assertRejects } from "@std/assert";
import { API_VERSIONS, DESCRIBE_CLUSTER, METADATA } from "../../../client/apis.ts";
import { Link } from "../../../client/connection/link.ts";
import { clientSettings } from "../../../client/options.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { addressOf, code, FakeCluster } from "../support/fake_cluster.ts";

function linkTo(cluster: FakeCluster, options = {}): Link {
  return new Link({
    settings: clientSettings({ ...cluster.options, ...options }),
    address: addressOf(1),
    inFlightMax: 5,
  });
}

const ASK = { topics: [], allowAutoTopicCreation: false };

Deno.test("Link asks for the broker's versions in the newest version", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster, { clientId: "me" });
  const connection = await link.connect();
  assertEquals(cluster.seen.map(({ api, version }) => [api, version]), [["ApiVersions", 4]]);
  assertEquals(cluster.seen[0].body.clientSoftwareName, "odradek");
  assertEquals(connection.versions.newest(METADATA), 13);
  link.close();
});

for (const theirs of [0, 2, 3]) {
  Deno.test(`Link falls back on ApiVersions ${theirs} when the broker has no newer one`, async () => {
    const cluster = new FakeCluster();
    cluster.next(API_VERSIONS, () => ({
      errorCode: code("UNSUPPORTED_VERSION"),
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: theirs }],
    }));
    const link = linkTo(cluster);
    await link.connect();
    assertEquals(cluster.seen.map(({ version }) => version), [4, theirs]);
    link.close();
  });
}

Deno.test("Link falls back on ApiVersions 0 when the broker does not say what it has", async () => {
  const cluster = new FakeCluster();
  cluster.next(API_VERSIONS, () => ({ errorCode: code("UNSUPPORTED_VERSION"), apiKeys: [] }));
  const link = linkTo(cluster);
  await link.connect();
  assertEquals(cluster.seen.map(({ version }) => version), [4, 0]);
  link.close();
});

Deno.test("Connection uses the newest version that both sides have", async () => {
  const cluster = new FakeCluster();
  cluster.versions.set("Metadata", [2, 5]);
  const link = linkTo(cluster);
  const connection = await link.connect();
  await connection.request(METADATA, ASK);
  await connection.request(METADATA, ASK, { versionMax: 4 });
  assertEquals(cluster.requests(METADATA).map(({ version }) => version), [5, 4]);
  link.close();
});

Deno.test("Connection refuses a request that the broker has no version for, and stays open", async () => {
  const cluster = new FakeCluster();
  cluster.versions.set("DescribeCluster", null).set("Metadata", [0, 3]);
  const link = linkTo(cluster);
  const connection = await link.connect();
  const missing = await assertRejects(
    () => connection.request(DESCRIBE_CLUSTER, { includeClusterAuthorizedOperations: false }),
    KafkaError,
    "The broker has no version of DescribeCluster for this: it has none, 0 to 2 would do",
  );
  assertEquals(missing.kind, "UNSUPPORTED_VERSION");
  await assertRejects(
    () => connection.request(METADATA, ASK, { versionMin: 4 }),
    KafkaError,
    "it has 0 to 3, 4 to 13 would do",
  );
  assert(connection.isOpen);
  link.close();
});

Deno.test("Link connects once for all who ask at the same time", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster);
  const [a, b] = await Promise.all([link.connect(), link.connect()]);
  assert(a === b && a === await link.connect());
  assertEquals(cluster.dials, 1);
  link.close();
});

Deno.test("Link pauses longer after each failure, with jitter, up to a maximum", async () => {
  const cluster = new FakeCluster();
  cluster.down.add(1);
  const link = linkTo(cluster, { reconnectBackoffMs: 100, reconnectBackoffMaxMs: 400 });
  const pauses: number[] = [];
  let lastMs = cluster.environment.clock.monotonicMs();
  for (let i = 0; i < 6; i++) {
    const dials = cluster.dials;
    const failed = assertRejects(
      () => link.connect(),
      KafkaError,
      "Cannot reach broker:9001: Nobody listens there",
    );
    while (cluster.dials === dials) await cluster.environment.advance(1);
    await failed;
    const nowMs = cluster.environment.clock.monotonicMs();
    pauses.push(nowMs - lastMs);
    lastMs = nowMs;
  }
  [0, 100, 200, 400, 400, 400].forEach((expected, i) =>
    assert(Math.abs(pauses[i] - expected) <= 0.2 * expected + 2, `${pauses}`)
  );
  assertEquals(new Set(pauses).size > 3, true);
  link.close();
});

Deno.test("Link connects again after the connection broke", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster);
  const first = await link.connect();
  cluster.disconnect();
  await cluster.environment.advance(0);
  assertEquals([first.isOpen, link.connection], [false, null]);
  const again = link.connect();
  await cluster.environment.advance(100);
  assert((await again).isOpen);
  link.close();
});

Deno.test("Link gives up when dialling takes longer than socketConnectionSetupTimeoutMs", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster, {
    dial: () => new Promise(() => {}),
    socketConnectionSetupTimeoutMs: 3000,
  });
  const failed = assertRejects(
    () => link.connect(),
    KafkaError,
    "Cannot reach broker:9001: no connection within 3000 ms",
  );
  await cluster.environment.advance(3000);
  await failed;
});

Deno.test("Link gives up on a broker that accepts and says nothing", async () => {
  const cluster = new FakeCluster();
  cluster.on(API_VERSIONS, () => "hang");
  const link = linkTo(cluster, { socketConnectionSetupTimeoutMs: 3000 });
  const failed = assertRejects(() => link.connect(), KafkaError, "within 3000 ms");
  await cluster.environment.advance(3000);
  await failed;
});

Deno.test("Link closes a connection that nobody uses for connectionsMaxIdleMs", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster, { connectionsMaxIdleMs: 10_000 });
  const connection = await link.connect();
  await cluster.environment.advance(9000);
  await connection.request(METADATA, ASK);
  await cluster.environment.advance(9000);
  assert(connection.isOpen);
  await cluster.environment.advance(1001);
  assertEquals([connection.isOpen, link.connection], [false, null]);
  link.close();
});

Deno.test("Link that is closed does not connect any more", async () => {
  const cluster = new FakeCluster();
  const link = linkTo(cluster);
  link.close();
  await assertRejects(() => link.connect(), KafkaError, "the client is closed");
  assertEquals(cluster.dials, 0);
});

Deno.test("Link that is closed while it pauses does not dial after the pause", async () => {
  const cluster = new FakeCluster();
  cluster.down.add(1);
  const link = linkTo(cluster);
  await assertRejects(() => link.connect(), KafkaError);
  const again = assertRejects(() => link.connect(), KafkaError, "the client is closed");
  link.close();
  await cluster.environment.advance(1000);
  await again;
  assertEquals(cluster.dials, 1);
});
