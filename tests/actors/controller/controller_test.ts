import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { controller } from "../../../actors/controller/controller.ts";
import type {
  ConfigResource,
  ControllerMessage,
  NewTopic,
  Outcome,
} from "../../../actors/controller/messages.ts";
import { imageOf, type MetadataImage } from "../../../actors/controller/metadata_image.ts";
import { newTopicId } from "../../../actors/controller/topic_id.ts";
import { spawn } from "../../../actors/core/actor.ts";
import { BrokerConfig } from "../../../config/broker_config.ts";
import { ConfigError } from "../../../config/config_error.ts";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import type { DeletedTopic } from "../../../storage/metadata/metadata.ts";
import { MetadataStore } from "../../../storage/metadata/metadata_store.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";

async function world(settings: Record<string, string> = {}, disk = new MemoryDisk()) {
  const environment = new ManualEnvironment();
  const kv = await disk.openFolder().open("meta");
  const store = await MetadataStore.open(kv, environment, null);
  const ground = { nodeId: 1, startConfig: BrokerConfig.parse(Object.entries(settings)) };
  const images: MetadataImage[] = [imageOf(store.loaded, ground)];
  const swept: DeletedTopic[] = [];
  const ref = spawn<ControllerMessage>({
    name: "controller",
    environment,
    unavailable: "COORDINATOR_NOT_AVAILABLE",
    start: () =>
      controller({
        environment,
        store,
        ground,
        image: images[0],
        publish: (image) => images.push(image),
        sweep: (deleted) => swept.push(...deleted),
      }),
  });
  return { ref, disk, store, swept, image: () => images.at(-1)! };
}

function topic(name: string, more: Partial<NewTopic> = {}): NewTopic {
  return { name, partitionCount: 1, replicationFactor: 1, assignments: null, configs: [], ...more };
}

const create = (...topics: NewTopic[]) => ({ topics, validateOnly: false });
const errorOf = (outcome: Outcome<unknown>): ErrorName | "ok" =>
  outcome.ok ? "ok" : outcome.error.kind;

Deno.test("Controller creates topics, publishes them and finds them again after a restart", async () => {
  const first = await world();
  const versionBefore = first.image().version;
  const [orders] = await first.ref.ask(
    "createTopics",
    create(
      topic("orders", { partitionCount: 3, configs: [{ name: "retention.ms", value: "1000" }] }),
    ),
  );
  assert(orders.ok);
  assertEquals(first.image().topics.get("orders"), orders.value);
  assert(first.image().version > versionBefore);
  assertEquals(orders.value.config.retentionMs, 1000);

  const second = await world({}, first.disk);
  const found = second.image().topics.get("orders")!;
  assertEquals([found.id, found.partitionCount], [orders.value.id, 3]);
  assertEquals(found.config.retentionMs, 1000);
  assertEquals(second.image().clusterId, first.image().clusterId);
  assert(second.image().version > first.image().version, "the metadata version never goes back");
});

Deno.test("Controller answers each bad topic with Kafka's error and creates the good ones beside", async () => {
  const { ref, image } = await world();
  await ref.ask("createTopics", create(topic("old.name")));
  const cases: [NewTopic, ErrorName | "ok"][] = [
    [topic("good"), "ok"],
    [topic("good"), "TOPIC_ALREADY_EXISTS"],
    [topic("old.name"), "TOPIC_ALREADY_EXISTS"],
    [topic("old_name"), "INVALID_TOPIC_EXCEPTION"],
    [topic(""), "INVALID_TOPIC_EXCEPTION"],
    [topic(".."), "INVALID_TOPIC_EXCEPTION"],
    [topic("no spaces"), "INVALID_TOPIC_EXCEPTION"],
    [topic("x".repeat(250)), "INVALID_TOPIC_EXCEPTION"],
    [topic("x".repeat(249)), "ok"],
    [topic("zero", { partitionCount: 0 }), "INVALID_PARTITIONS"],
    [topic("negative", { partitionCount: -2 }), "INVALID_PARTITIONS"],
    [topic("three", { replicationFactor: 3 }), "INVALID_REPLICATION_FACTOR"],
    [topic("none", { replicationFactor: 0 }), "INVALID_REPLICATION_FACTOR"],
    [topic("defaults", { partitionCount: -1, replicationFactor: -1 }), "ok"],
    [topic("setting", { configs: [{ name: "no.such", value: "1" }] }), "INVALID_CONFIG"],
    [topic("value", { configs: [{ name: "retention.ms", value: "soon" }] }), "INVALID_CONFIG"],
    [topic("null", { configs: [{ name: "retention.ms", value: null }] }), "INVALID_CONFIG"],
    [topic("insync", { configs: [{ name: "min.insync.replicas", value: "2" }] }), "INVALID_CONFIG"],
  ];
  const outcomes = await ref.ask("createTopics", create(...cases.map(([wanted]) => wanted)));
  assertEquals(outcomes.map(errorOf), cases.map(([, expected]) => expected));
  assertEquals([...image().topics.keys()].sort(), [
    "defaults",
    "good",
    "old.name",
    "x".repeat(249),
  ]);
});

Deno.test("Controller takes an assignment by hand only for brokers that exist", async () => {
  const { ref } = await world();
  const byHand = (...replicas: number[][]) =>
    topic("t", {
      partitionCount: -1,
      replicationFactor: -1,
      assignments: replicas.map((brokerIds, partition) => ({ partition, brokerIds })),
    });
  const outcomes = await ref.ask(
    "createTopics",
    create(
      byHand([2]),
      byHand([1, 1]),
      byHand([]),
      { ...byHand([1]), partitionCount: 1 },
      { ...byHand(), assignments: [{ partition: 1, brokerIds: [1] }] },
      byHand([1], [1]),
    ),
  );
  const bad = "INVALID_REPLICA_ASSIGNMENT";
  assertEquals(outcomes.map(errorOf), [bad, bad, bad, "INVALID_REQUEST", bad, "ok"]);
});

Deno.test("Controller with odradek.accept.any.replication.factor stores and shows what was asked for", async () => {
  const { ref } = await world({ "odradek.accept.any.replication.factor": "true" });
  const [outcome] = await ref.ask(
    "createTopics",
    create(
      topic("t", { replicationFactor: 3, configs: [{ name: "min.insync.replicas", value: "2" }] }),
    ),
  );
  assert(outcome.ok);
  assertEquals(outcome.value.replicationFactor, 3);
});

Deno.test("Controller never fails a topic for the broker's own default replication factor", async () => {
  const { ref } = await world({ "default.replication.factor": "3" });
  const [outcome] = await ref.ask("createTopics", create(topic("t", { replicationFactor: -1 })));
  assert(outcome.ok);
  assertEquals(outcome.value.replicationFactor, 1);
});

Deno.test("Controller that only validates changes nothing", async () => {
  const { ref, image } = await world();
  const before = image();
  const [outcome] = await ref.ask("createTopics", { topics: [topic("t")], validateOnly: true });
  assert(outcome.ok);
  assertEquals(image(), before);
});

Deno.test("Controller deletes by name and by id, remembers what is to be swept, and gives a new id next time", async () => {
  const { ref, disk, swept } = await world();
  const [a, b] = await ref.ask(
    "createTopics",
    create(topic("a", { partitionCount: 2 }), topic("b")),
  );
  assert(a.ok && b.ok);
  const outcomes = await ref.ask("deleteTopics", {
    topics: [{ name: "a" }, { id: b.value.id }, { name: "a" }, { id: "AAAAAAAAAAAAAAAAAAAABQ" }],
  });
  assertEquals(outcomes.map(errorOf), [
    "ok",
    "ok",
    "UNKNOWN_TOPIC_OR_PARTITION",
    "UNKNOWN_TOPIC_ID",
  ]);
  assertEquals(swept, [
    { id: a.value.id, name: "a", partitionCount: 2 },
    { id: b.value.id, name: "b", partitionCount: 1 },
  ]);
  const [again] = await ref.ask("createTopics", create(topic("a")));
  assert(again.ok);
  assertNotEquals(again.value.id, a.value.id);

  await ref.ask("forgetDeleted", { ids: [b.value.id] });
  const { store } = await world({}, disk);
  assertEquals(store.loaded.deletedTopics, [{ id: a.value.id, name: "a", partitionCount: 2 }]);
});

Deno.test("Controller names the broker that an assignment has twice, not the first one", async () => {
  const { ref } = await world();
  const assignments = [{ partition: 0, brokerIds: [1, 7, 7] }];
  const [outcome] = await ref.ask(
    "createTopics",
    create(topic("t", { partitionCount: -1, replicationFactor: -1, assignments })),
  );
  assert(!outcome.ok);
  assertMatch(outcome.error.message, /broker 7 more than once/);
});

Deno.test("Controller forgets a thousand deleted topics in few commits: who asks next does not wait for long", async () => {
  const { ref, disk, swept, store } = await world();
  const names = Array.from({ length: 1000 }, (_, index) => ({ name: `t${index}` }));
  await ref.ask("createTopics", create(...names.map(({ name }) => topic(name))));
  await ref.ask("deleteTopics", { topics: names });
  assertEquals(swept.length, 1000);
  const before = store.version;
  await ref.ask("forgetDeleted", { ids: swept.map(({ id }) => id) });
  assert(store.version - before <= 10, `${store.version - before} commits`);
  assertEquals((await world({}, disk)).store.loaded.deletedTopics, []);
});

Deno.test("Controller adds partitions, never takes any away", async () => {
  const { ref, image } = await world();
  await ref.ask("createTopics", create(topic("t", { partitionCount: 3 })));
  const grow = async (
    name: string,
    partitionCount: number,
    assignments: number[][] | null = null,
  ) => {
    const request = { topics: [{ name, partitionCount, assignments }], validateOnly: false };
    return errorOf((await ref.ask("createPartitions", request))[0]);
  };
  assertEquals(await grow("t", 3), "INVALID_PARTITIONS");
  assertEquals(await grow("t", 2), "INVALID_PARTITIONS");
  assertEquals(await grow("none", 2), "UNKNOWN_TOPIC_OR_PARTITION");
  assertEquals(await grow("t", 5, [[1]]), "INVALID_REPLICA_ASSIGNMENT");
  assertEquals(await grow("t", 5, [[1], [1]]), "ok");
  assertEquals(image().topics.get("t")?.partitionCount, 5);
});

Deno.test("A dynamic broker setting is the new default of every topic that does not set it", async () => {
  const { ref, image } = await world();
  const own = topic("own", { configs: [{ name: "retention.ms", value: "5" }] });
  await ref.ask("createTopics", create(topic("t"), own));
  await ref.ask("alterConfigs", {
    resources: [{
      resource: { type: "broker", name: "" },
      changes: [{ operation: "set", name: "log.retention.ms", value: "77" }],
    }],
    validateOnly: false,
  });
  assertEquals(image().topics.get("t")?.config.retentionMs, 77);
  assertEquals(image().topics.get("own")?.config.retentionMs, 5);
});

Deno.test("Producer ids are never given twice, over restarts too", async () => {
  const first = await world();
  const a = await first.ref.ask("allocateProducerIds", {});
  const b = await first.ref.ask("allocateProducerIds", {});
  const second = await world({}, first.disk);
  const c = await second.ref.ask("allocateProducerIds", {});
  assertEquals([a, b, c].map(({ first }) => first), [0n, 1000n, 2000n]);
});

Deno.test("A thousand topics of one request are created, in as many commits as it takes", async () => {
  const { ref, image, disk } = await world();
  const settings = [{ name: "retention.ms", value: "123456789" }];
  const topics = Array.from(
    { length: 2500 },
    (_, index) => topic(`t-${index}`, { configs: settings }),
  );
  const outcomes = await ref.ask("createTopics", create(...topics));
  assert(outcomes.every(({ ok }) => ok));
  assertEquals(image().topics.size, 2500);
  assertEquals((await world({}, disk)).image().topics.size, 2500);
});

Deno.test("A full disk refuses a topic, and the controller goes on", async () => {
  const disk = new MemoryDisk({ capacityBytes: 400 });
  const { ref, image } = await world({}, disk);
  const [refused] = await ref.ask(
    "createTopics",
    create(topic("t".repeat(200), {
      configs: [{
        name: "follower.replication.throttled.replicas",
        value: Array(50).fill("0:1").join(","),
      }],
    })),
  );
  assertEquals(errorOf(refused), "KAFKA_STORAGE_ERROR");
  assertEquals(image().topics.size, 0);
  const [small] = await ref.ask("createTopics", create(topic("s")));
  assertEquals(errorOf(small), "ok");
});

Deno.test("Controller refuses broker settings that no topic could live with, where it crashed", async () => {
  for (const topics of [[], [topic("before")]]) {
    const { ref, image } = await world();
    await ref.ask("createTopics", create(...topics));
    const resource = { type: "broker", name: "" } as const;
    const outcomes = await ref.ask("alterConfigs", {
      validateOnly: false,
      resources: [
        ["log.retention.ms", "0"],
        ["log.roll.ms", "0"],
        ["log.roll.jitter.ms", "-1"],
        ["log.retention.ms", "-2"],
      ].map(([name, value]) => ({ resource, changes: [{ operation: "set", name, value }] })),
    });
    const refused = "INVALID_REQUEST";
    assertEquals(outcomes.map(errorOf), [refused, refused, refused, "ok"]);
    const [after] = await ref.ask("createTopics", create(topic("after")));
    assert(after.ok);
    assertEquals(image().topics.get("after")!.config.retentionMs, -1);
  }
});

Deno.test("Controller refuses values that cannot be stored, each alone, where it crashed", async () => {
  const { ref, image } = await world();
  await ref.ask("createTopics", create(topic("t")));
  const replicas = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => `${from + index}:1`).join(",");
  const names = ["follower", "leader"].map((who) => `${who}.replication.throttled.replicas`);
  const change = (resource: ConfigResource, operation: "set" | "append", values: string[]) => ({
    resource,
    changes: values.map((value, index) => ({
      operation,
      name: resource.type === "topic" ? names[index] : "ssl.keystore.password",
      value,
    })),
  });
  const t = { type: "topic", name: "t" } as const;
  const broker = { type: "broker", name: "1" } as const;
  const half = replicas(10_000, 2500);
  const alter = [
    change(t, "set", [half]),
    change(t, "append", [replicas(20_000, 2500)]),
    change(broker, "set", ["\ufffd".repeat(12_000)]),
    change(broker, "set", ["secret"]),
    change(t, "append", [replicas(20_000, 1500)]),
  ];
  for (const validateOnly of [true, false]) {
    const outcomes = await ref.ask("alterConfigs", { validateOnly, resources: alter });
    const bad = "INVALID_CONFIG";
    assertEquals(outcomes.map(errorOf), ["ok", bad, bad, "ok", "ok"]);
  }
  assertEquals(image().topics.get("t")!.overrides.get(names[0])!.split(",").length, 4000);

  const full = replicas(10_000, 4095);
  const large = topic("large", { configs: names.map((name) => ({ name, value: full })) });
  const created = await ref.ask("createTopics", create(topic("beside"), large, topic("too")));
  assertEquals(created.map(errorOf), ["ok", "POLICY_VIOLATION", "ok"]);
});

Deno.test("Controller that accepts any replication factor refuses one that is no int16, where it crashed", async () => {
  const config = { "odradek.accept.any.replication.factor": "true" };
  const { ref } = await world(config);
  const byHand = (name: string, count: number) =>
    topic(name, {
      partitionCount: -1,
      replicationFactor: -1,
      assignments: [{ partition: 0, brokerIds: Array.from({ length: count }, (_, id) => id) }],
    });
  const outcomes = await ref.ask("createTopics", create(byHand("a", 32_768), byHand("b", 32_767)));
  assertEquals(outcomes.map(errorOf), ["INVALID_REPLICA_ASSIGNMENT", "ok"]);
  const entries: [string, string][] = [["default.replication.factor", "32768"]];
  assertThrows(
    () => BrokerConfig.parse([...entries, ...Object.entries(config)]),
    ConfigError,
    "Value must be no more than 32767",
  );
  assertEquals(BrokerConfig.parse(entries).int("default.replication.factor"), 32_768);
});

Deno.test("A change that the metadata store cannot encode is refused alone, and for good", async () => {
  const { store } = await world();
  const stored = { id: newTopicId(new ManualEnvironment().random), name: "t", partitionCount: 1 };
  const overrides = new Map<string, string>();
  const many = new Map(Array.from({ length: 3 }, (_, index) => [`s${index}`, "x".repeat(30_000)]));
  const room = store.room();
  for (
    const topic of [
      { ...stored, replicationFactor: 32_768, overrides },
      { ...stored, replicationFactor: 1, overrides: new Map([["s", "x".repeat(32_768)]]) },
      { ...stored, replicationFactor: 1, overrides: many },
    ]
  ) {
    const change = { kind: "topic", topic } as const;
    const refused = assertThrows(() => room.take(change), KafkaError) as KafkaError;
    assertEquals([refused.kind, refused.retriable], ["POLICY_VIOLATION", false]);
    await assertRejects(() => store.commit([change]), KafkaError, refused.message);
  }
  assert(room.take({ kind: "topic", topic: { ...stored, replicationFactor: 1, overrides } }));
});

Deno.test("Controller counts the partitions of a whole request, as Kafka does, where it counted each topic's", async () => {
  const { ref, image } = await world({ "num.partitions": "4000" });
  const ofSize = (...counts: number[]) =>
    counts.map((partitionCount, index) => topic(`t${index}`, { partitionCount }));
  const byHand = topic("by-hand", {
    partitionCount: -1,
    assignments: Array.from({ length: 2001 }, (_, partition) => ({ partition, brokerIds: [1] })),
  });
  for (
    const topics of [
      ofSize(10_001),
      ofSize(5000, 5001),
      ofSize(-1, -1, 2001),
      [...ofSize(8000), byHand],
      [topic("no such name!", { partitionCount: 20_000 }), topic("innocent")],
    ]
  ) {
    const outcomes = await ref.ask("createTopics", create(...topics));
    assertEquals(outcomes.map(errorOf), topics.map(() => "POLICY_VIOLATION"));
  }
  assertEquals(image().topics.size, 0);
  const most = await ref.ask("createTopics", create(...ofSize(-1, -1, 1999, -20_000, 1)));
  assertEquals(most.map(errorOf), ["ok", "ok", "ok", "INVALID_PARTITIONS", "ok"]);

  const grow = (...counts: [string, number][]) =>
    ref.ask("createPartitions", {
      validateOnly: true,
      topics: counts.map(([name, partitionCount]) => ({ name, partitionCount, assignments: null })),
    });
  const grown = await grow(["t0", 9000], ["none", 20_000], ["t1", 9001], ["t4", 5001]);
  const refused = ["ok", "UNKNOWN_TOPIC_OR_PARTITION", "POLICY_VIOLATION", "ok"];
  assertEquals(grown.map(errorOf), refused);
  assertEquals((await grow(["t4", 10_002])).map(errorOf), ["POLICY_VIOLATION"]);
});
