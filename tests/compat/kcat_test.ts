/**
 * kcat, which is librdkafka 2.0.2 on Debian 12.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { type ProgramEnd, runProgram } from "./support/program.ts";
import { CODECS, createTopic, storedCodecs } from "./support/topics.ts";

const broker = brokerOfSuite();

function tryKcat(args: readonly string[], stdin = ""): Promise<ProgramEnd> {
  return runProgram("kcat", ["-b", broker.bootstrap, ...args], { stdin });
}

/** What kcat writes to standard output, once it has ended with 0. */
async function kcat(args: readonly string[], stdin = ""): Promise<string> {
  const { code, stdout, stderr } = await tryKcat(args, stdin);
  assertEquals(code, 0, stderr);
  return stdout;
}

/** All of a partition, to its end. */
function consume(topic: string, partition: number, ...options: string[]): Promise<string> {
  return kcat(["-C", "-q", "-e", "-t", topic, "-p", `${partition}`, ...options]);
}

Deno.test("kcat lists the broker, and a topic with its partitions", async () => {
  const topic = await createTopic(broker, { partitions: 3 });
  const listed = await kcat(["-L", "-t", topic]);
  assertMatch(listed, new RegExp(`broker 1 at ${broker.bootstrap} \\(controller\\)`));
  assertStringIncludes(listed, `topic "${topic}" with 3 partitions`);
  for (const partition of [0, 1, 2]) {
    assertStringIncludes(listed, `partition ${partition}, leader 1, replicas: 1, isrs: 1`);
  }
});

Deno.test("kcat has a topic created by producing to it", async () => {
  const topic = uniqueName("automatic");
  await kcat(["-P", "-t", topic], "one\ntwo\n");
  assertEquals(await consume(topic, 0), "one\ntwo\n");
});

Deno.test("kcat is told of a topic that does not exist", async () => {
  const { stdout } = await tryKcat([
    "-L",
    "-t",
    uniqueName("missing"),
    "-X",
    "allow.auto.create.topics=false",
  ]);
  assertStringIncludes(stdout, "Unknown topic or partition");
});

for (const codec of CODECS) {
  Deno.test(`kcat produces ${codec} to a partition and reads it back`, async () => {
    const topic = await createTopic(broker, { what: codec, partitions: 2 });
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} of many that look alike\n`);
    await kcat(["-P", "-t", topic, "-p", "1", "-z", codec], lines.join(""));
    assertEquals(await consume(topic, 1), lines.join(""));
    assertEquals(await consume(topic, 0), "");
    assertEquals(await storedCodecs(broker, topic, 1), [codec]);
  });
}

Deno.test("kcat's idempotent producer is given an id and appends once", async () => {
  const topic = await createTopic(broker);
  await kcat(["-P", "-t", topic, "-X", "enable.idempotence=true"], "a\nb\nc\n");
  assertEquals(await consume(topic, 0, "-f", "%o %s\n"), "0 a\n1 b\n2 c\n");
});

Deno.test("kcat produces with every kind of acknowledgement", async () => {
  for (const acks of ["0", "1", "all"]) {
    const topic = await createTopic(broker);
    await kcat(["-P", "-t", topic, "-X", `acks=${acks}`], "one\ntwo\n");
    assertEquals(await consume(topic, 0), "one\ntwo\n", `acks=${acks}`);
  }
});

Deno.test("kcat reads keys, headers, empty values and tombstones back", async () => {
  const topic = await createTopic(broker);
  const headers = ["-H", "trace=1234", "-H", "kind=greeting"];
  await kcat(["-P", "-t", topic, "-K", ":", ...headers], "k1:hello\nk2:\n");
  await kcat(["-P", "-t", topic, "-K", ":", "-Z"], "k3:\n");
  assertEquals(
    await consume(topic, 0, "-f", "%o|%k|%S|%s|%h\n"),
    "0|k1|5|hello|trace=1234,kind=greeting\n" +
      "1|k2|0||trace=1234,kind=greeting\n" +
      "2|k3|-1||\n",
  );
});

Deno.test("kcat spreads keys over partitions, and one key over one only", async () => {
  const topic = await createTopic(broker, { partitions: 4 });
  const keys = Array.from({ length: 40 }, (_, i) => `key${i}`);
  const lines = [...keys, ...keys].map((key) => `${key}:${key}\n`).join("");
  await kcat(["-P", "-t", topic, "-K", ":"], lines);
  const byPartition = await Promise.all([0, 1, 2, 3].map((p) => consume(topic, p, "-f", "%k\n")));
  assert(byPartition.every((text) => text !== ""));
  const keysOf = byPartition.map((text) => [...new Set(text.trim().split("\n"))]);
  assertEquals(keysOf.flat().sort(), [...keys].sort());
});

Deno.test("kcat reads from an offset, a number of records, and the last ones", async () => {
  const topic = await createTopic(broker);
  await kcat(["-P", "-t", topic], Array.from({ length: 10 }, (_, i) => `${i}\n`).join(""));
  assertEquals(await consume(topic, 0, "-o", "7"), "7\n8\n9\n");
  assertEquals(await consume(topic, 0, "-o", "2", "-c", "3"), "2\n3\n4\n");
  assertEquals(await consume(topic, 0, "-o", "-4"), "6\n7\n8\n9\n");
  assertEquals(await consume(topic, 0, "-o", "end"), "");
});

Deno.test("kcat finds offsets by time", async () => {
  const topic = await createTopic(broker);
  const times: number[] = [];
  for (const value of ["first", "second", "third"]) {
    await kcat(["-P", "-t", topic], `${value}\n`);
    times.push(Number(await consume(topic, 0, "-o", "-1", "-f", "%T")));
  }
  assertEquals(await consume(topic, 0, "-o", `s@${times[1]}`), "second\nthird\n");
  assertEquals(
    await consume(topic, 0, "-o", `s@${times[0]}`, "-o", `e@${times[2]}`),
    "first\nsecond\n",
  );
  assertEquals(await kcat(["-Q", "-t", `${topic}:0:${times[2]}`]), `${topic} [0] offset 2\n`);
  assertEquals(await kcat(["-Q", "-t", `${topic}:0:${times[2] + 1}`]), `${topic} [0] offset -1\n`);
});

Deno.test("kcat waits at the end of a partition for what comes", async () => {
  const topic = await createTopic(broker);
  const waiting = kcat(["-C", "-q", "-u", "-t", topic, "-p", "0", "-o", "end", "-c", "2"]);
  const produced = async () => {
    for (let i = 0;; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await kcat(["-P", "-t", topic], `late ${i}\n`);
    }
  };
  assertMatch((await Promise.race([waiting, produced()]))!, /^late \d+\nlate \d+\n$/);
});

Deno.test("kcat is refused a record above max.message.bytes, and what is smaller is kept", async () => {
  const topic = await createTopic(broker, { configs: { "max.message.bytes": "1000" } });
  const { stderr } = await tryKcat(["-P", "-t", topic, "-T"], `${"x".repeat(2000)}\n`);
  assertStringIncludes(stderr, "Message size too large");
  await kcat(["-P", "-t", topic], "small\n");
  assertEquals(await consume(topic, 0), "small\n");
});

Deno.test("Example 01 starts a server and talks to it with kcat", async () => {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const { stdout, stderr } = await runProgram("examples/01_serve_and_kcat.sh", [`${port}`], {
    timeoutMs: 120_000,
  });
  assertStringIncludes(stdout, `Odradek is ready on 127.0.0.1:${port}`, stderr);
  assertStringIncludes(stdout, "0: one\n1: two\n2: three\n", stderr);
});
