/**
 * The console tools of Apache Kafka 4.3, from Maven Central.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { brokerOfSuite, isOdradek, uniqueName } from "./support/broker.ts";
import { jvmOfSuite } from "./support/java.ts";
import { KafkaTools } from "./support/kafka_tools.ts";
import { CODECS, createTopic, eventually, storedCodecs } from "./support/topics.ts";

const broker = brokerOfSuite();
const java = jvmOfSuite();

const tools = new KafkaTools(broker, java);
const tryTool = tools.attempt.bind(tools);
const run = tools.run.bind(tools);

/** The first `count` records of a partition from an offset on. */
function consume(
  topic: string,
  count: number,
  options: { partition?: number; offset?: string; properties?: readonly string[] } = {},
): Promise<string> {
  const { partition = 0, offset = "earliest", properties = [] } = options;
  return run("kafka-console-consumer", [
    ...["--topic", topic, "--partition", `${partition}`, "--offset", offset],
    ...["--max-messages", `${count}`, "--timeout-ms", "20000"],
    ...properties.flatMap((property) => ["--formatter-property", property]),
  ]);
}

for (const codec of CODECS) {
  Deno.test(`kafka-console-producer produces ${codec}, and kafka-console-consumer reads it`, async () => {
    const topic = await createTopic(broker, { what: codec });
    const lines = Array.from({ length: 3000 }, (_, i) => `line ${i} of many that look alike\n`);
    const stdin = lines.join("");
    await run("kafka-console-producer", ["--topic", topic, "--compression-codec", codec], stdin);
    assertEquals(await consume(topic, 3000), stdin);
    assertEquals(await storedCodecs(broker, topic), [codec]);
  });
}

Deno.test("kafka-console-producer waits for the acknowledgements asked for", async () => {
  for (const acks of ["0", "1", "all"]) {
    const topic = await createTopic(broker);
    const properties = acks === "all" ? "enable.idempotence=true" : "enable.idempotence=false";
    await run("kafka-console-producer", [
      ...["--topic", topic, "--request-required-acks", acks, "--command-property", properties],
    ], "one\ntwo\n");
    assertEquals(await consume(topic, 2), "one\ntwo\n", `acks=${acks}`);
  }
});

Deno.test("kafka-console-consumer shows keys, headers, offsets and timestamps", async () => {
  const topic = await createTopic(broker);
  const properties = ["parse.key=true", "parse.headers=true", "key.separator=:"];
  await run("kafka-console-producer", [
    ...["--topic", topic],
    ...properties.flatMap((property) => ["--reader-property", property]),
  ], "trace:12\tkey:value\n");
  const shown = await consume(topic, 1, {
    properties: ["key", "headers", "offset", "timestamp"].map((what) => `print.${what}=true`),
  });
  assertMatch(shown, /^CreateTime:\d+\tOffset:0\ttrace:12\tkey\tvalue\n$/);
});

Deno.test("kafka-console-consumer begins at an offset, and ends by its timeout", async () => {
  const topic = await createTopic(broker);
  await run("kafka-console-producer", ["--topic", topic], "a\nb\nc\nd\n");
  assertEquals(await consume(topic, 2, { offset: "1" }), "b\nc\n");
  const args = ["--topic", topic, "--partition", "0", "--offset", "2", "--timeout-ms", "1000"];
  assertEquals(await run("kafka-console-consumer", args), "c\nd\n");
});

Deno.test("kafka-topics creates, lists, describes, grows and deletes a topic", async () => {
  const topic = uniqueName("made");
  const about = ["--topic", topic];
  const settings = ["--config", "retention.ms=5000", "--config", "cleanup.policy=compact"];
  await run("kafka-topics", ["--create", ...about, "--partitions", "3", ...settings]);
  assertStringIncludes(await run("kafka-topics", ["--list"]), `${topic}\n`);

  const described = await eventually(() => run("kafka-topics", ["--describe", ...about]));
  assertMatch(described, /PartitionCount: 3\tReplicationFactor: 1/);
  assertStringIncludes(described, "cleanup.policy=compact");
  assertStringIncludes(described, "retention.ms=5000");
  assertEquals(described.match(/Partition: \d\tLeader: 1\tReplicas: 1\tIsr: 1/g)?.length, 3);

  await run("kafka-topics", ["--alter", ...about, "--partitions", "5"]);
  await eventually(async () =>
    assertStringIncludes(await run("kafka-topics", ["--describe", ...about]), "PartitionCount: 5")
  );
  await run("kafka-topics", ["--delete", ...about]);
  await eventually(async () =>
    assert(!(await run("kafka-topics", ["--list"])).includes(`${topic}\n`))
  );
});

Deno.test("kafka-topics is told why a topic cannot be made", async () => {
  const topic = await createTopic(broker);
  const refused = async (args: readonly string[], reason: string) => {
    const { code, stdout } = await tryTool("kafka-topics", ["--create", "--topic", ...args]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, reason);
  };
  await refused([topic], "already exists");
  await refused(["two words"], "other than ASCII alphanumerics");
  await refused(
    [uniqueName("copies"), "--replication-factor", "3"],
    "Unable to replicate the partition 3 time(s)",
  );
});

Deno.test("kafka-topics makes nothing twice, and nothing at all of a bad setting", async () => {
  const topic = await createTopic(broker);
  await run("kafka-topics", ["--create", "--if-not-exists", "--topic", topic]);
  const bad = uniqueName("bad");
  const { code } = await tryTool("kafka-topics", [
    ...["--create", "--topic", bad, "--config", "retention.ms=soon"],
  ]);
  assertEquals(code, 1);
  assert(!(await run("kafka-topics", ["--list"])).includes(bad));
});

Deno.test("kafka-configs changes and shows the settings of a topic", async () => {
  const topic = await createTopic(broker, { configs: { "retention.ms": "5000" } });
  const entity = ["--entity-type", "topics", "--entity-name", topic];
  const change = "cleanup.policy=[compact,delete],segment.ms=3600000";
  await run("kafka-configs", [
    "--alter",
    ...entity,
    "--add-config",
    change,
    "--delete-config",
    "retention.ms",
  ]);
  await eventually(async () => {
    const described = await run("kafka-configs", ["--describe", ...entity]);
    assertStringIncludes(described, "cleanup.policy=compact,delete sensitive=false");
    assertStringIncludes(described, "synonyms={DYNAMIC_TOPIC_CONFIG:segment.ms=3600000");
    assert(!described.includes("retention.ms"));
  });
  const all = await run("kafka-configs", ["--describe", "--all", ...entity]);
  assertStringIncludes(all, "retention.ms=604800000 sensitive=false");
});

Deno.test("kafka-configs changes and shows the settings of the broker", async () => {
  const defaults = ["--entity-type", "brokers", "--entity-default"];
  const broker1 = ["--entity-type", "brokers", "--entity-name", "1"];
  await run("kafka-configs", ["--alter", ...defaults, "--add-config", "log.retention.ms=123456"]);
  await eventually(async () => {
    assertStringIncludes(
      await run("kafka-configs", ["--describe", ...defaults]),
      "log.retention.ms=123456",
    );
    assertStringIncludes(
      await run("kafka-configs", ["--describe", "--all", ...broker1]),
      "log.retention.ms=123456 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=123456",
    );
  });
  await run("kafka-configs", ["--alter", ...defaults, "--delete-config", "log.retention.ms"]);
});

Deno.test("kafka-configs is refused a setting that does not exist", async () => {
  const topic = await createTopic(broker);
  const entity = ["--entity-type", "topics", "--entity-name", topic];
  const { code, stdout, stderr } = await tryTool("kafka-configs", [
    ...["--alter", ...entity, "--add-config", "no.such.thing=1"],
  ]);
  assertNotEquals(code, 0);
  assertStringIncludes(stdout + stderr, "no.such.thing");
});

Deno.test("kafka-get-offsets finds both ends, the newest record and a time", async () => {
  const topic = await createTopic(broker, { partitions: 2 });
  const offsets = async (time: string) => {
    const shown = await run("kafka-get-offsets", ["--topic", topic, "--time", time]);
    return shown.replaceAll(`${topic}:`, "").trim().split("\n");
  };
  assertEquals(await offsets("-1"), ["0:0", "1:0"]);
  await run("kafka-console-producer", [
    ...["--topic", topic, "--reader-property", "parse.key=true"],
  ], "key\tone\nkey\ttwo\n");
  const ends = await offsets("-1");
  const filled = ends.includes("0:2") ? 0 : 1;
  assertEquals(ends, filled === 0 ? ["0:2", "1:0"] : ["0:0", "1:2"]);
  assertEquals(await offsets("-2"), ["0:0", "1:0"]);
  assertEquals(await offsets("1"), [`${filled}:0`]);
  assertEquals(await offsets(`${Date.now() + 60_000}`), [""]);
  assertMatch((await offsets("-3")).join(), new RegExp(`^${filled}:[01]$`));
});

Deno.test("kafka-broker-api-versions shows the APIs, all usable in their newest version", async () => {
  const shown = await run("kafka-broker-api-versions", []);
  assertStringIncludes(shown, `${broker.bootstrap} (id: 1 rack: null isFenced: false)`);
  for (const line of ["Produce(0): 0 to 13 [usable: 13]", "Fetch(1): 4 to 18 [usable: 18]"]) {
    assertStringIncludes(shown, line);
  }
});

Deno.test("kafka-producer-perf-test gets all its records acknowledged", async () => {
  const topic = await createTopic(broker);
  const shown = await run("kafka-producer-perf-test", [
    ...["--topic", topic, "--num-records", "20000", "--record-size", "1000", "--throughput", "-1"],
  ]);
  assertStringIncludes(shown, "20000 records sent");
  const offsets = await run("kafka-get-offsets", ["--topic", topic]);
  assertEquals(offsets, `${topic}:0:20000\n`);
});

Deno.test("kafka-cluster and kafka-features show the cluster", async () => {
  const cluster = await tools.attemptVerb("kafka-cluster", ["cluster-id"]);
  assertMatch(cluster.stdout, /^Cluster ID: [\w-]{22}\n$/);
  const endpoints = await tools.attemptVerb("kafka-cluster", ["list-endpoints"]);
  assertMatch(endpoints.stdout, new RegExp(`1 +${broker.host} +${broker.port} .*unfenced`));
  assertMatch(await run("kafka-features", ["describe"]), /Feature: metadata\.version/);
});

Deno.test({
  name: "kafka-metadata-quorum is told in clear that there is no such API",
  ignore: !isOdradek,
  async fn() {
    const { code, stdout, stderr } = await tryTool("kafka-metadata-quorum", [
      "describe",
      "--status",
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stdout + stderr, "UnsupportedVersionException");
  },
});
