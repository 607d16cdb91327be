/**
 * Levels of features: Kafka's tool and admin client change them, and Java's producers follow.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { compileJava, jvmOfSuite, KAFKA_TOOLS } from "./support/java.ts";
import { runProgram } from "./support/program.ts";
import { createTopic } from "./support/topics.ts";

const broker = brokerOfSuite();
const java = jvmOfSuite();

/** What kafka-features says, and whether it was content. */
async function features(...args: string[]): Promise<{ ok: boolean; said: string }> {
  const { code, stdout, stderr } = await java.jvm.run("org.apache.kafka.tools.FeatureCommand", [
    ...["--bootstrap-server", broker.bootstrap],
    ...args,
  ]);
  return { ok: code === 0, said: (stdout + stderr).trim() };
}

Deno.test("kafka-features describes, lowers and raises transaction.version", async () => {
  const level = async () => {
    const { said } = await features("describe");
    return said.match(
      /transaction\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 2\s+FinalizedVersionLevel: (\d)/,
    )?.[1];
  };
  const feature = (level: number) => ["--feature", `transaction.version=${level}`];
  assertEquals(await level(), "2");
  assertEquals(await features("downgrade", ...feature(1), "--dry-run"), {
    ok: true,
    said: "transaction.version can be downgraded to 1.",
  });
  assertEquals(await level(), "2");
  assertEquals(await features("downgrade", ...feature(1)), {
    ok: true,
    said: "transaction.version was downgraded to 1.",
  });
  assertEquals(await level(), "1");
  assertEquals(await features("disable", "--feature", "transaction.version"), {
    ok: true,
    said: "transaction.version was disabled.",
  });
  assertEquals(await level(), "0");
  assertEquals(await features("upgrade", ...feature(2)), {
    ok: true,
    said: "transaction.version was upgraded to 2.",
  });
  assertEquals(await level(), "2");
});

Deno.test("kafka-features is told what cannot be, and why", async () => {
  const unknown = await features("upgrade", "--feature", "transaction.version=3");
  assertEquals(unknown.ok, false);
  assertStringIncludes(unknown.said, "only supports versions 0-2");
  const lower = await features("upgrade", "--feature", "transaction.version=1");
  assertStringIncludes(lower.said, "without setting the upgrade type to either safe or unsafe");
  const metadata = await features("downgrade", "--metadata", "4.2");
  assertStringIncludes(
    metadata.said,
    "Unsupported metadata.version downgrade from 30 to 29. Refusing",
  );
  assertMatch(
    (await features("describe")).said,
    /metadata\.version\s+SupportedMinVersion: 3\.3-IV3\s+SupportedMaxVersion: 4\.3-IV0\s+FinalizedVersionLevel: 4\.3-IV0/,
  );
});

Deno.test("A Java producer follows transaction.version while it runs, up and down", async () => {
  const classes = await compileJava(["FeatureTour"], KAFKA_TOOLS);
  const topic = await createTopic(broker, { what: uniqueName("features") });
  const { stdout, stderr } = await runProgram("java", [
    ...["-cp", `${classes}:${KAFKA_TOOLS}`],
    ...["FeatureTour", broker.bootstrap, topic],
  ]);
  await Deno.remove(classes, { recursive: true });
  assertEquals(stdout.trim().split("\n").filter((line) => !/ (INFO|WARN) /.test(line)), [
    "level 2: 3 epochs",
    "level 1: 0 epochs",
    "level 0: 0 epochs",
    "level 2: 3 epochs",
    "level 1: 0 epochs",
    "validated",
    "refused: InvalidUpdateVersionException",
    "finalized: 1",
    "supported: SupportedVersionRange[min_version:0, max_version:2]",
  ], stderr);
});
