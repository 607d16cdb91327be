/**
 * The life of a log, seen by Apache Kafka's own tools: what retention, compaction and deletion leave of it.
 *
 * Against Apache Kafka itself (`ODRADEK_COMPAT_BOOTSTRAP`): start it with `log.retention.check.interval.ms=300`,
 * `log.initial.task.delay.ms=500`, `log.cleaner.backoff.ms=100` and `log.segment.delete.delay.ms=100`.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { brokerOfSuite, isOdradek } from "./support/broker.ts";
import { jvmOfSuite } from "./support/java.ts";
import { connected, kafkajsClient } from "./support/kafkajs.ts";
import { KafkaTools, type Tool } from "./support/kafka_tools.ts";
import { patiently } from "./support/groups.ts";
import { createTopic, storedBatchBytes } from "./support/topics.ts";
import type { VerifiableRecord } from "./support/verifiable.ts";
import { verifyUnderKills } from "./support/verifiable_kills.ts";

const broker = brokerOfSuite(
  ...["--set", "log.retention.check.interval.ms=300", "--set", "log.cleaner.backoff.ms=100"],
);
const java = jvmOfSuite();
const tools = new KafkaTools(broker, java);
const run = (tool: Tool, args: readonly string[], stdin = "") => tools.run(tool, args, stdin);

/** A line of it is a deletion. */
const NULL = "NULL";
/** Segments that are closed soon; a topic's smallest size of one is 1 MiB. */
const SMALL_SEGMENTS = { "segment.bytes": "1048576", "segment.ms": "100" };

/** Sends lines `key<tab>value` to a topic, in order; the value NULL is a tombstone. */
async function produce(topic: string, lines: readonly string[]): Promise<void> {
  const properties = ["parse.key=true", `null.marker=${NULL}`].flatMap((property) => [
    "--reader-property",
    property,
  ]);
  await run("kafka-console-producer", ["--topic", topic, ...properties], `${lines.join("\n")}\n`);
}

/** What a Java consumer finds in partition 0, from the beginning to the end: lines `offset<tab>key<tab>value`. */
async function consumeAll(topic: string): Promise<string[]> {
  const properties = [
    "print.offset=true",
    "print.key=true",
    `null.literal=${NULL}`,
  ].flatMap((property) => ["--formatter-property", property]);
  const shown = await run("kafka-console-consumer", [
    ...["--topic", topic, "--partition", "0", "--offset", "earliest", "--timeout-ms", "1000"],
    ...properties,
  ]);
  return shown.split("\n").filter((line) => line !== "").map((line) =>
    line.replace(/^Offset:/, "")
  );
}

/** The offset of a point in time, as kafka-get-offsets tells it: of partition 0. "" = none. */
async function offsetAt(topic: string, time: string | number): Promise<string> {
  const shown = await run("kafka-get-offsets", ["--topic", topic, "--time", `${time}`]);
  return shown.trim().replace(`${topic}:0:`, "");
}

async function alter(topic: string, change: string): Promise<void> {
  await run("kafka-configs", [
    ...["--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", change],
  ]);
}

/** Bytes of each partition, as kafka-log-dirs tells them. */
async function sizes(topic: string): Promise<Record<string, number>> {
  const shown = await run("kafka-log-dirs", ["--describe", "--topic-list", topic]);
  const json = shown.split("\n").find((line) => line.startsWith("{"))!;
  const { brokers: [{ broker: id, logDirs: [{ error, partitions }] }] } = JSON.parse(json);
  assertEquals([id, error], [1, null]);
  return Object.fromEntries(partitions.map((
    { partition, size, offsetLag, isFuture }: {
      partition: string;
      size: number;
      offsetLag: number;
      isFuture: boolean;
    },
  ) => {
    assertEquals([offsetLag, isFuture], [0, false]);
    return [partition, size];
  }));
}

async function deleteRecords(topic: string, offset: number) {
  const file = await Deno.makeTempFile();
  const partitions = [{ topic, partition: 0, offset }];
  await Deno.writeTextFile(file, JSON.stringify({ partitions, version: 1 }));
  const { stdout, stderr } = await tools.attempt("kafka-delete-records", [
    "--offset-json-file",
    file,
  ]);
  await Deno.remove(file);
  return stdout + stderr;
}

/** Produces `megabytes` of records of 1 KB that nothing compresses much. */
async function produceMegabytes(topic: string, megabytes: number): Promise<void> {
  await run("kafka-producer-perf-test", [
    ...["--topic", topic, "--num-records", `${megabytes * 1_000}`],
    ...["--record-size", "1000", "--throughput", "-1"],
  ]);
}

Deno.test("kafka-delete-records raises the first offset, and everybody begins there", async () => {
  const topic = await createTopic(broker);
  await produce(topic, ["a\t0", "b\t1", "c\t2", "d\t3"]);
  assertStringIncludes(await deleteRecords(topic, 2), `partition: ${topic}-0\tlow_watermark: 2`);
  assertEquals(await offsetAt(topic, -2), "2");
  assertEquals(await consumeAll(topic), ["2\tc\t2", "3\td\t3"]);
  assertStringIncludes(await deleteRecords(topic, 1), "low_watermark: 2", "never back");
  assertStringIncludes(await deleteRecords(topic, 5), "OffsetOutOfRange");
  assertStringIncludes(await deleteRecords(topic, -1), "low_watermark: 4", "-1 = all");
  assertEquals(await consumeAll(topic), []);
  assertEquals([await offsetAt(topic, -2), await offsetAt(topic, -1)], ["4", "4"]);
  await produce(topic, ["e\t4"]);
  assertEquals(await consumeAll(topic), ["4\te\t4"]);
});

Deno.test("kafka-delete-records is refused for a topic that is only compacted", async () => {
  const topic = await createTopic(broker, { configs: { "cleanup.policy": "compact" } });
  await produce(topic, ["a\t0", "a\t1"]);
  assertStringIncludes(await deleteRecords(topic, 1), "PolicyViolation");
  assertEquals(await offsetAt(topic, -2), "0");
});

Deno.test("kafka-log-dirs shows the bytes that each partition has, and lets a deleted topic go", async () => {
  const topic = await createTopic(broker, { partitions: 2, configs: SMALL_SEGMENTS });
  assertEquals(await sizes(topic), { [`${topic}-0`]: 0, [`${topic}-1`]: 0 });
  await produceMegabytes(topic, 3);
  const shown = await sizes(topic);
  assert(shown[`${topic}-0`] + shown[`${topic}-1`] > 3_000_000, JSON.stringify(shown));
  for (const partition of [0, 1]) {
    assertEquals(
      shown[`${topic}-${partition}`],
      await storedBatchBytes(broker, topic, partition),
    );
  }
  await run("kafka-topics", ["--delete", "--topic", topic]);
  await patiently(async () => assertEquals(await sizes(topic), {}));
});

Deno.test("kafka-log-dirs shows fewer bytes when records have been deleted", async () => {
  const topic = await createTopic(broker, { configs: SMALL_SEGMENTS });
  await produceMegabytes(topic, 4);
  const before = (await sizes(topic))[`${topic}-0`];
  await deleteRecords(topic, -1); // whole segments are counted as long as something of them is left
  await patiently(async () => {
    const left = (await sizes(topic))[`${topic}-0`];
    assert(left < before - 2_000_000, `${left} of ${before}`);
  });
});

Deno.test("kafka-get-offsets finds points in time although timestamps are out of order", async () => {
  const topic = await createTopic(broker);
  const beganMs = Date.now() - 100_000;
  await connected(kafkajsClient(broker).producer(), async (producer) => {
    for (const afterMs of [1_000, 9_000, 4_000, 5_000]) {
      const messages = [{ value: "any", timestamp: `${beganMs + afterMs}` }];
      await producer.send({ topic, messages });
    }
  });
  const at = (afterMs: number) => offsetAt(topic, beganMs + afterMs);
  assertEquals([await at(0), await at(1_000), await at(1_001)], ["0", "0", "1"]);
  assertEquals([await at(4_500), await at(9_000), await at(9_001)], ["1", "1", ""]);
  assertEquals(await offsetAt(topic, "latest"), "4");
  assertEquals(await offsetAt(topic, "earliest"), "0");
  assertEquals(await offsetAt(topic, "max-timestamp"), "1");
  assertEquals(await offsetAt(topic, "earliest-local"), "0");
  assertEquals(await offsetAt(topic, "latest-tiered"), "");
  await deleteRecords(topic, 2);
  assertEquals([await offsetAt(topic, "earliest"), await offsetAt(topic, -4)], ["2", "2"]);
  assertEquals([await at(1_000), await at(4_500), await at(5_001)], ["2", "3", ""]);
});

Deno.test("kafka-configs shortens retention.bytes, and the log is cut within the interval of the check", async () => {
  const topic = await createTopic(broker, { configs: SMALL_SEGMENTS });
  await produceMegabytes(topic, 6);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assertEquals(await offsetAt(topic, -2), "0");
  const whole = (await sizes(topic))[`${topic}-0`];
  await alter(topic, "retention.bytes=2000000");
  await patiently(async () => {
    const start = Number(await offsetAt(topic, -2));
    const left = whole * (6_000 - start) / 6_000;
    // Never less than what is to be kept; at most a segment and a batch more.
    assert(left >= 2_000_000 - 1_000 && left < 2_000_000 + 1_048_576 + 20_000, `${left} bytes`);
    assert((await sizes(topic))[`${topic}-0`] >= 2_000_000);
  });
  assertEquals(await offsetAt(topic, -1), "6000");
});

Deno.test("kafka-configs shortens retention.ms, and what is older goes", async () => {
  const topic = await createTopic(broker, { configs: SMALL_SEGMENTS });
  await produce(topic, ["a\t0", "b\t1"]);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await produce(topic, ["c\t2"]); // in a segment of its own
  assertEquals(await offsetAt(topic, -2), "0");
  await alter(topic, "retention.ms=1200");
  await patiently(async () => assert(Number(await offsetAt(topic, -2)) >= 2));
  await alter(topic, "retention.ms=3600000");
  const first = await offsetAt(topic, -2);
  await produce(topic, ["d\t3"]);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assertEquals(await offsetAt(topic, -2), first, "what is younger stays");
  assertEquals((await consumeAll(topic)).at(-1), "3\td\t3");
});

/** What compaction leaves of records that all count: of each key the last, with its offset. */
function latest(lines: readonly string[]): string[] {
  const keyOf = (line: string) => line.split("\t")[0];
  const last = new Map(lines.map((line, offset) => [keyOf(line), offset]));
  return lines.flatMap((line, offset) =>
    last.get(keyOf(line)) === offset ? [`${offset}\t${line}`] : []
  );
}

/** Closes the segment, by time and with the next record, which is not compacted yet. Returns its line. */
async function fill(topic: string, key: string): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await produce(topic, [`${key}\tnext segment`]);
  return `${key}\tnext segment`;
}

Deno.test("kafka-configs switches a topic to compaction and back while it is in use", async () => {
  const topic = await createTopic(broker, { configs: SMALL_SEGMENTS });
  const lines = Array.from({ length: 300 }, (_, n) => `key ${n % 7}\tvalue ${n}`);
  await produce(topic, lines);
  lines.push(await fill(topic, "first filler"));
  assertEquals((await consumeAll(topic)).length, 301);
  await alter(topic, "cleanup.policy=compact,min.cleanable.dirty.ratio=0.01");
  await patiently(async () => assertEquals(await consumeAll(topic), latest(lines)));
  await alter(topic, "cleanup.policy=delete");
  const more = Array.from({ length: 50 }, (_, n) => `key ${n % 7}\tmore ${n}`);
  await produce(topic, more);
  await fill(topic, "last filler");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assertEquals((await consumeAll(topic)).length, latest(lines).length + 51, "nothing goes now");
});

Deno.test("Java's consumer of a compacted topic sees exactly the records of the model", async () => {
  const topic = await createTopic(broker, {
    configs: {
      ...SMALL_SEGMENTS,
      "cleanup.policy": "compact",
      "min.cleanable.dirty.ratio": "0.01",
    },
  });
  const random = numbersFrom(20_261_128);
  const lines: string[] = [];
  for (let round = 0; round < 6; round++) {
    const some = Array.from({ length: 200 + Math.floor(random() * 400) }, (_, n) => {
      const key = `key ${Math.floor(random() ** 2 * 120)}`;
      const value = random() < 0.15 ? NULL : `${round}/${n} ${"x".repeat(random() * 300)}`;
      return `${key}\t${value}`;
    });
    await produce(topic, some);
    lines.push(...some, await fill(topic, `filler ${round}`));
    await patiently(async () => assertEquals(await consumeAll(topic), latest(lines)));
  }
  assert(lines.length > 1_500 && latest(lines).length < 140);
  assertEquals(await offsetAt(topic, -1), `${lines.length}`);
  assertEquals(await offsetAt(topic, -2), "0");
});

Deno.test("Java's consumer sees tombstones until delete.retention.ms has passed", async () => {
  const topic = await createTopic(broker, {
    configs: {
      ...SMALL_SEGMENTS,
      "cleanup.policy": "compact",
      "min.cleanable.dirty.ratio": "0.01",
      "delete.retention.ms": "3000",
    },
  });
  await produce(topic, ["a\t0", "b\t1", `a\t${NULL}`]);
  const fillers = [await fill(topic, "filler 0")];
  const shown = ["1\tb\t1", `2\ta\t${NULL}`, `3\t${fillers[0]}`];
  await patiently(async () => assertEquals(await consumeAll(topic), shown));
  for (let n = 1;; n++) {
    // Kafka looks at a log again only when there is something new in it.
    fillers.push(await fill(topic, `filler ${n}`));
    const found = await consumeAll(topic);
    const all = fillers.map((line, n) => `${n + 3}\t${line}`);
    if (found.includes(shown[1]) && n < 30) continue;
    assertEquals(found, ["1\tb\t1", ...all]);
    break;
  }
});

for (
  const [how, producer, mayFail] of [
    ["that repeats", { retries: "2147483647", "enable.idempotence": "true" }, false],
    ["that gives up", {}, true],
  ] as const
) {
  Deno.test({
    name:
      `kafka-verifiable-consumer reads in order all that a producer ${how} got acknowledged under kill -9`,
    ignore: !isOdradek, // another broker is not ours to kill
    async fn() {
      const records = 12_000;
      const { produced, alongside, afterwards } = await verifyUnderKills({
        ...{ records, killAt: [2_000, 5_000, 8_000], producer },
      });
      assertEquals(produced.records.length + produced.failures, records);
      if (!mayFail) assertEquals(produced.failures, 0);
      for (const story of [alongside, afterwards]) {
        const read = firstReads(story.records);
        const offsets = [...read.keys()];
        assertEquals(offsets, offsets.toSorted((a, b) => a - b), "in order");
        const last = offsets.at(-1)!;
        const wanted = produced.records.filter(({ offset }) => offset <= last);
        assert(wanted.length > records / 2, `${wanted.length} records up to offset ${last}`);
        for (const { offset, value } of wanted) {
          assertEquals(read.get(offset), value, `at offset ${offset}`);
        }
        assertEquals(offsets, offsets.map((_, n) => n), "no offset is left out");
      }
      const values = [...firstReads(afterwards.records).values()].map(Number);
      assertEquals(new Set(values).size, values.length, "nothing is there twice");
      assertEquals(values, values.toSorted((a, b) => a - b), "in the order of sending");
      if (!mayFail) assertEquals(values.length, records);
    },
  });
}

/** Values by offset. A consumer that lost its group's answer may read again what it has read. */
function firstReads(records: readonly VerifiableRecord[]): Map<number, string> {
  const read = new Map<number, string>();
  for (const { offset, value } of records) {
    assertEquals(read.get(offset) ?? value, value, `offset ${offset} has changed`);
    if (!read.has(offset)) read.set(offset, value);
  }
  return read;
}

/** Numbers from 0 to below 1, the same for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
