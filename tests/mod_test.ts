// Real time: the broker as its users start it, with the machine's own clock, timers and ports.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Admin, Consumer, createBroker, denoEnvironment, Producer } from "../mod.ts";
import { decodeResponse, encodeRequest } from "../protocol/frames.ts";
import { apiVersionsRequest, apiVersionsResponse } from "../protocol/messages/18_api_versions.ts";
import type { Environment } from "../environment/environment.ts";
import { keyParts } from "../storage/kv/key.ts";
import type { Kv, KvCommit, KvFolder, KvOutcome } from "../storage/kv/kv.ts";
import { MemoryDisk, memoryFolder } from "../storage/kv/memory/memory_folder.ts";
import { openLogStore } from "../storage/log/log_store.ts";
import { MetadataStore } from "../storage/metadata/metadata_store.ts";

Deno.test("A broker without a port serves clients of the same process", async () => {
  await using broker = await createBroker();
  assertEquals(broker.listeners, []);
  await using producer = new Producer(broker.client);
  const { offset } = await producer.send({ topic: "t", value: "hello" });
  assertEquals(offset, 0n);
  await using consumer = new Consumer(broker.client);
  consumer.assign([{ topic: "t", partition: 0 }]);
  consumer.seekToBeginning();
  const [record] = await consumer.poll();
  assertEquals(new TextDecoder().decode(record.value!), "hello");
});

Deno.test("A broker's feed tells each step of a transaction, from its producer's first appearance on", async () => {
  await using broker = await createBroker();
  const reader = broker.transactionFeed.read();
  await using producer = new Producer({ ...broker.client, transactionalId: "orders-tx" });
  await producer.initTransactions();
  producer.beginTransaction();
  await producer.send({ topic: "t", value: "hello" });
  await producer.commitTransaction();
  const steps: string[] = [];
  for await (const { transactionalId, event, from, to, epoch, reason } of reader) {
    steps.push(`${transactionalId} ${event}: ${from} → ${to} at epoch ${epoch}, as ${reason}`);
    if (to === "CompleteCommit") reader.close();
  }
  assertEquals(steps, [
    "orders-tx init: Empty → Empty at epoch 0, as a producer begins",
    "orders-tx add: Empty → Ongoing at epoch 0, as the producer adds partitions",
    "orders-tx end: Ongoing → PrepareCommit at epoch 1, as the producer commits",
    "orders-tx markersWritten: PrepareCommit → CompleteCommit at epoch 1, as markers are written",
  ]);
});

Deno.test("A broker's feed tells what happens to a group, and why", async () => {
  await using broker = await createBroker({ config: { "group.initial.rebalance.delay.ms": "0" } });
  const reader = broker.groupFeed.read();
  await using producer = new Producer(broker.client);
  await producer.send({ topic: "t", value: "hello" });
  await using consumer = new Consumer({
    ...broker.client,
    groupId: "readers",
    autoOffsetReset: "earliest",
  });
  consumer.subscribe(["t"]);
  assertEquals((await consumer.poll()).length, 1);
  await consumer.close();
  reader.close();
  const states: string[] = [];
  for await (const { group, to, reason } of reader) {
    assertEquals(group, "readers");
    assert(reason.length > 0);
    if (states.at(-1) !== to) states.push(to);
  }
  assertEquals(states, ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Empty"]);
});

Deno.test("broker.connect() carries Kafka frames over web streams", async () => {
  await using broker = await createBroker();
  const { readable, writable } = broker.connect();
  const frame = encodeRequest(
    { schema: apiVersionsRequest, version: 3, correlationId: 7, clientId: "test" },
    { clientSoftwareName: "test", clientSoftwareVersion: "1" },
  );
  const writer = writable.getWriter();
  for (const slice of frame) await writer.write(slice);
  const reader = readable.getReader();
  const { value } = await reader.read();
  const { correlationId, body } = decodeResponse(apiVersionsResponse, 3, value!.subarray(4));
  assertEquals([correlationId, body.errorCode], [7, 0]);
  assert(body.apiKeys.length > 20);
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("A broker listens on ports of its own choosing and tells them", async () => {
  await using broker = await createBroker({
    listeners: [{ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port: 0 }],
  });
  const [first, second] = broker.listeners;
  assert(first.port > 0 && second.port > 0 && first.port !== second.port);
  const { environment } = broker.client;
  for (const { port } of broker.listeners) {
    await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
    const { brokers } = await admin.describeCluster();
    assertEquals(brokers.map((told) => told.port), [port], "clients stay on the port they came to");
  }
});

Deno.test("Topics, their ids, the cluster's id and the records survive a restart", async () => {
  const disk = new MemoryDisk();
  const describe = async () => {
    await using broker = await createBroker({ data: disk.openFolder() });
    await using admin = new Admin(broker.client);
    if (broker.topicsFound === 0) await admin.createTopics([{ name: "kept", partitions: 3 }]);
    await using producer = new Producer(broker.client);
    const { offset } = await producer.send({ topic: "kept", partition: 1, value: "x" });
    const [topic] = await admin.describeTopics(["kept"]);
    return { found: broker.topicsFound, id: topic.id, cluster: broker.clusterId, offset };
  };
  const before = await describe();
  const after = await describe();
  assertEquals(after, { ...before, found: 1, offset: 1n });
});

Deno.test("A setting that is unknown, and a cluster id that is not the data's, are refused", async () => {
  await assertRejects(
    () => createBroker({ config: { "num.partition": "3" } }),
    Error,
    "Unknown configuration num.partition",
  );
  const disk = new MemoryDisk();
  const { clusterId, close } = await createBroker({ data: disk.openFolder() });
  await close();
  await assertRejects(
    () => createBroker({ data: disk.openFolder(), clusterId: "AAAAAAAAAAAAAAAAAAAAAA" }),
    Error,
    clusterId,
  );
});

Deno.test("A broker that finds settings stored which no topic could live with leaves them out and says so", async () => {
  const disk = new MemoryDisk();
  const lines: string[] = [];
  const start = () => {
    const environment = denoEnvironment({
      log: { write: (level, message) => void lines.push(`${level}: ${message}`) },
    });
    return createBroker({ data: disk.openFolder(), environment });
  };
  {
    await using broker = await start();
    await using admin = new Admin(broker.client);
    await admin.createTopics([{ name: "before" }]);
  }
  const kv = await disk.openFolder().open("meta");
  const store = await MetadataStore.open(kv, denoEnvironment({ log: { write: () => {} } }), null);
  const overrides = new Map([["log.roll.ms", "0"], ["log.retention.ms", "1000"]]);
  await store.commit([{ kind: "brokerOverrides", broker: "", overrides }]);
  await kv.close();

  lines.length = 0;
  await using broker = await start();
  assertEquals(lines, [
    "warn: A setting stored for all brokers is left out until it is changed: " +
    "Invalid value 0 for configuration log.roll.ms: Value must be at least 1",
  ]);
  await using admin = new Admin(broker.client);
  await admin.createTopics([{ name: "after" }]);
  const resource = { type: "topic", name: "after" } as const;
  const entries = await admin.describeConfigs(resource);
  const valueOf = (name: string) => entries.find((entry) => entry.name === name)?.value;
  assertEquals([valueOf("segment.ms"), valueOf("retention.ms")], ["604800000", "1000"]);
  const brokers = { type: "broker", name: "" } as const;
  await admin.alterConfigs(brokers, [{ operation: "delete", name: "log.roll.ms" }]);
});

Deno.test("Closing a broker twice is closing it once, and a closed broker takes no connections", async () => {
  const broker = await createBroker();
  await Promise.all([broker.close(), broker.close()]);
  const buffer = new Uint8Array(1);
  assertEquals(await broker.dial().read(buffer), null);
});

Deno.test("mod.ts can be imported from a checkout by a project with settings of its own", async () => {
  const project = await Deno.makeTempDir({ prefix: "odradek-user-" });
  try {
    await Deno.writeTextFile(`${project}/deno.json`, "{}");
    await Deno.writeTextFile(
      `${project}/main.ts`,
      `import { createBroker } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
await using broker = await createBroker({ data: "./data" });
console.log(broker.topicsFound);`,
    );
    const permissions = ["--allow-read", "--allow-write", "--allow-sys=statfs", "--no-prompt"];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--unstable-kv", ...permissions, "main.ts"],
      cwd: project,
    }).output();
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stdout), "0\n", decoder.decode(stderr));
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

Deno.test("Records whose topic the metadata has forgotten are gone after a start", async () => {
  const disk = new MemoryDisk();
  const environment = denoEnvironment({ log: { write: () => {} } });
  const ids = new Map<string, string>();
  {
    await using broker = await createBroker({ data: disk.openFolder() });
    await using producer = new Producer(broker.client);
    await using admin = new Admin(broker.client);
    for (const topic of ["kept", "zombie"]) {
      await producer.send({ topic, value: "x" });
      ids.set(topic, (await admin.describeTopics([topic]))[0].id!);
    }
  }
  {
    const folder = disk.openFolder();
    const store = await MetadataStore.open(await folder.open("meta"), environment, null);
    const zombie = { id: ids.get("zombie")!, name: "zombie", partitionCount: 1 };
    await store.commit([{ kind: "topicDeleted", ...zombie }]);
    await store.commit([{ kind: "topicSwept", id: zombie.id }]);
  }
  for (let start = 0; start < 2; start++) {
    await using _broker = await createBroker({ data: disk.openFolder(), environment });
  }
  const logs = await openLogStore({ folder: disk.openFolder(), environment });
  assertEquals([...logs.stored()].map(({ topicId }) => topicId), [ids.get("kept")!]);
  await logs.close();
});

/** A folder that several processes have open at once, as no lock should let them. */
function sharedFolder(
  fate: (commit: KvCommit) => KvOutcome | null = () => null,
): () => KvFolder {
  const inner = memoryFolder();
  const stores = new Map<string, Promise<Kv>>();
  return () => ({
    name: "shared",
    freeBytes: () => Promise.resolve(null),
    close: () => Promise.resolve(),
    open: async (name) => {
      const store = stores.get(name) ?? inner.open(name);
      stores.set(name, store);
      const kv = await store;
      return {
        limits: kv.limits,
        get: (keys) => kv.get(keys),
        list: (range, options) => kv.list(range, options),
        commit: (commit) => Promise.resolve(fate(commit) ?? kv.commit(commit)),
        close: () => Promise.resolve(),
      };
    },
  });
}

// Found by a review of the storage, 28 November 2026: it stayed up, named itself the leader and answered NOT_LEADER.
Deno.test("A broker whose shard another process takes over stops as a whole, and says why", async () => {
  const folder = sharedFolder();
  const lines: string[] = [];
  const environment = denoEnvironment({
    log: { write: (level, message) => void (level === "error" && lines.push(message)) },
  });
  await using first = await createBroker({ data: folder(), environment });
  await using producer = new Producer({ ...first.client, deliveryTimeoutMs: 500 });
  await producer.send({ topic: "t", value: "mine" });
  await using second = await createBroker({ data: folder(), environment });
  await assertRejects(() => producer.send({ topic: "t", value: "too late" }));
  const error = await first.ended;
  assertMatch(error!.message, /^Another process has taken over the data in "shared"$/);
  assertEquals(lines.filter((line) => line.includes("this broker stops")), [
    'Another process has taken over the data in "shared"; this broker stops',
  ]);
  await using successor = new Producer(second.client);
  assertEquals((await successor.send({ topic: "t", value: "next" })).offset, 1n);
  await second.close();
  assertEquals(await second.ended, null);
});

Deno.test("A broker whose metadata another process takes over does not take them back: it stops", async () => {
  const folder = sharedFolder();
  const environment = denoEnvironment({ log: { write: () => {} } });
  await using first = await createBroker({ data: folder(), environment });
  await using second = await createBroker({ data: folder(), environment });
  await using admin = new Admin({ ...first.client, defaultApiTimeoutMs: 500 });
  await assertRejects(() => admin.createTopics([{ name: "a" }]));
  assertMatch((await first.ended)!.message, /^Another process has taken over/);
  await using other = new Admin(second.client);
  await other.createTopics([{ name: "b" }]);
  await using third = await createBroker({ data: folder(), environment });
  assertEquals(third.topicsFound, 1);
});

Deno.test("A broker that is taken over while it starts does not start", async () => {
  let deletes = 0;
  const folder = sharedFolder((commit) => {
    const isTombstone = commit.sets?.some(({ key }) => keyParts(key)[0] === "r");
    return isTombstone && deletes++ === 0 ? { kind: "conflict" } : null;
  });
  const environment = denoEnvironment({ log: { write: () => {} } });
  {
    await using broker = await createBroker({ data: folder(), environment });
    await using producer = new Producer(broker.client);
    await producer.send({ topic: "t", value: "x" });
  }
  const meta = await MetadataStore.open(await folder().open("meta"), environment, null);
  const [{ id, name, partitionCount }] = meta.loaded.topics;
  await meta.commit([{ kind: "topicDeleted", id, name, partitionCount }]); // its records go during the start
  let closed = false;
  const network: Environment["network"] = {
    dial: () => Promise.reject(new Error("Nobody dials here")),
    listen: async (address) => {
      while (deletes === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, 10));
      const end = Promise.withResolvers<null>();
      return {
        address,
        accept: () => end.promise,
        close: () => {
          closed = true;
          end.resolve(null);
        },
      };
    },
  };
  const listeners = [{ host: "127.0.0.1", port: 9092 }];
  await assertRejects(
    () => createBroker({ data: folder(), listeners, environment: { ...environment, network } }),
    Error,
    'Another process has taken over the data in "shared"',
  );
  assert(closed, "the listener is closed");
});
