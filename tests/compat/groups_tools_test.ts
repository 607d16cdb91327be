/**
 * What an operator does with groups, by Kafka's own tools, and the internal topic as others read it.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { LIBRDKAFKA, MEMBERS } from "./support/group_members.ts";
import { adminOf, patiently, shared, Traffic } from "./support/groups.ts";
import { jvmOfSuite } from "./support/java.ts";
import { connected, kafkajsClient } from "./support/kafkajs.ts";
import { runProgram } from "./support/program.ts";
import { createTopic } from "./support/topics.ts";

const broker = brokerOfSuite("--set", "group.initial.rebalance.delay.ms=0");
const java = jvmOfSuite();
const PARTITIONS = 2;
const PER_PARTITION = 30;

/** What kafka-consumer-groups prints, as words of lines, without its title; it must end with 0. */
async function consumerGroups(...args: string[]): Promise<string[][]> {
  const { code, stdout, stderr } = await java.jvm.run(
    "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ["--bootstrap-server", broker.bootstrap, ...args],
  );
  assertEquals(code, 0, stdout + stderr);
  return stdout.trim().split("\n").filter((line) => line !== "")
    .map((line) => line.trim().split(/\s+/));
}

/** A group that has read a topic to its end, and has no members any more. */
async function restingGroup() {
  const topic = await createTopic(broker, { partitions: PARTITIONS });
  const traffic = new Traffic(broker, topic, PARTITIONS);
  await traffic.produce(PER_PARTITION);
  const groupId = uniqueName("resting");
  const member = await MEMBERS.odradek(broker, { groupId, topic, strategy: "range" });
  await traffic.readBy(groupId, [member]);
  await member.stop();
  return { groupId, topic, traffic };
}

async function committed(groupId: string): Promise<Record<number, number>> {
  await using admin = adminOf(broker);
  const offsets = await admin.groups.offsets(groupId);
  return Object.fromEntries(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
}

Deno.test("kafka-consumer-groups lists groups by state and type", async () => {
  const { groupId } = await restingGroup();
  const listed = await consumerGroups("--list", "--state");
  assert(listed.some((words) => words[0] === groupId && words.includes("Empty")));
  const stable = await consumerGroups("--list", "--state", "Stable");
  assert(!stable.flat().includes(groupId));
  const classic = await consumerGroups("--list", "--type", "classic");
  assert(classic.flat().includes(groupId));
});

Deno.test("kafka-consumer-groups describes offsets with lag, members and state", async () => {
  const { groupId, topic, traffic } = await restingGroup();
  const member = await MEMBERS.librdkafka(broker, { groupId, topic, strategy: "range" });
  await shared(broker, groupId, 1, PARTITIONS);

  const group = ["--group", groupId];
  const members = await consumerGroups("--describe", ...group, "--members", "--verbose");
  const [, [name, id, host, client, count]] = members;
  assertEquals([name, host, client, count], [groupId, "/127.0.0.1", LIBRDKAFKA, `${PARTITIONS}`]);
  assertMatch(id, /^librdkafka-[0-9a-f-]{36}$/);
  assertStringIncludes(members[1].join(" "), `${topic}:0,1`);

  const [, state] = await consumerGroups("--describe", ...group, "--state");
  assertEquals(state.slice(0, 2), [groupId, broker.bootstrap]);
  assertStringIncludes(state.join(" "), "range Stable 1");
  await member.stop();

  await patiently(async () => {
    assertStringIncludes((await consumerGroups("--describe", ...group, "--state")).join(), "Empty");
  });
  await traffic.produce(5);
  const offsets = (await consumerGroups("--describe", ...group))
    .filter((words) => words[0] === groupId).map((words) => words.slice(1, 6)).sort();
  assertEquals(offsets, [
    [topic, "0", "30", "35", "5"],
    [topic, "1", "30", "35", "5"],
  ]);
});

Deno.test("kafka-consumer-groups resets offsets: to the earliest, by a shift, to a time, to a number", async () => {
  const { groupId, topic, traffic } = await restingGroup();
  const between = new Date(Date.now() + 5).toISOString().slice(0, -1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await traffic.produce(5);
  const reset = (...how: string[]) =>
    consumerGroups("--reset-offsets", "--group", groupId, "--topic", topic, ...how, "--execute");
  await reset("--to-earliest");
  assertEquals(await committed(groupId), { 0: 0, 1: 0 });
  await reset("--shift-by", "7");
  assertEquals(await committed(groupId), { 0: 7, 1: 7 });
  await reset("--to-datetime", between);
  assertEquals(await committed(groupId), { 0: 30, 1: 30 });
  await reset("--to-offset", "3");
  assertEquals(await committed(groupId), { 0: 3, 1: 3 });
  await reset("--to-latest");
  assertEquals(await committed(groupId), { 0: 35, 1: 35 });
});

Deno.test("kafka-consumer-groups is refused the reset, and the deletion, of a group with members", async () => {
  const { groupId, topic } = await restingGroup();
  const member = await MEMBERS.odradek(broker, { groupId, topic, strategy: "range" });
  await shared(broker, groupId, 1, PARTITIONS);
  const reset = await consumerGroups(
    ...["--reset-offsets", "--group", groupId, "--topic", topic, "--to-earliest", "--execute"],
  ).catch((error: Error) => [[error.message]]);
  assertStringIncludes(reset.join(), "inactive");
  const deleted = await consumerGroups("--delete", "--group", groupId)
    .catch((error: Error) => [[error.message]]);
  assertMatch(deleted.flat().join(" "), /not empty|GroupNotEmpty/);
  await member.stop();
});

Deno.test("kafka-consumer-groups deletes offsets of a topic, and whole groups", async () => {
  const { groupId, topic } = await restingGroup();
  await consumerGroups("--delete-offsets", "--group", groupId, "--topic", `${topic}:0`);
  assertEquals(await committed(groupId), { 1: PER_PARTITION });
  await consumerGroups("--delete", "--group", groupId);
  assert(!(await consumerGroups("--list")).flat().includes(groupId));
  assertEquals(await committed(groupId), {});
});

Deno.test("kafkajs' admin sees, resets and deletes groups", async () => {
  const { groupId, topic } = await restingGroup();
  await connected(kafkajsClient(broker).admin(), async (admin) => {
    const { groups } = await admin.listGroups();
    assert(groups.some((group) => group.groupId === groupId && group.protocolType === "consumer"));
    const described = await admin.describeGroups([groupId]);
    assertEquals(described.groups.map(({ state }) => state), ["Empty"]);
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 1, offset: "4" }] });
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const offsets = partitions.map(({ partition, offset }) => [partition, offset]);
    assertEquals(offsets.sort(), [[0, `${PER_PARTITION}`], [1, "4"]]);
    await admin.deleteGroups([groupId]);
    assertEquals(await committed(groupId), {});
  });
});

/** A record of the internal topic as Kafka's formatters tell it. */
interface Formatted {
  // deno-lint-ignore no-explicit-any -- whatever Kafka's JSON holds
  readonly key: { readonly data: any };
  // deno-lint-ignore no-explicit-any -- likewise
  readonly value: { readonly data: any };
}

Deno.test("Java's formatters read groups and offsets in the internal topic", async () => {
  const { groupId, topic } = await restingGroup();
  const format = async (formatter: string): Promise<Formatted[]> => {
    const { stdout } = await java.jvm.run("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", broker.bootstrap, "--topic", GROUP_TOPIC, "--from-beginning"],
      ...["--timeout-ms", "3000", "--formatter"],
      `org.apache.kafka.tools.consumer.${formatter}`,
    ]);
    // It puts nothing between two of them.
    return JSON.parse(`[${stdout.trim().replaceAll("}{", "},{")}]`);
  };
  const offsets = (await format("OffsetsMessageFormatter"))
    .filter(({ key }) => key.data.group === groupId && key.data.topic === topic);
  assertEquals(new Set(offsets.map(({ key }) => key.data.partition)), new Set([0, 1]));
  assertEquals(offsets.at(-1)?.value.data.offset, PER_PARTITION);
  const groups = (await format("GroupMetadataMessageFormatter"))
    .filter(({ key }) => key.data.group === groupId);
  const stable = groups.find(({ value }) => value.data.members.length === 1);
  assert(stable);
  assertEquals([stable.value.data.protocolType, stable.value.data.protocol], ["consumer", "range"]);
  assertEquals(groups.at(-1)?.value.data.members, []);
});

Deno.test("kcat reads the internal topic", async () => {
  const { groupId } = await restingGroup();
  const { code, stdout } = await runProgram("kcat", [
    ...["-b", broker.bootstrap, "-C", "-q", "-e", "-t", GROUP_TOPIC, "-f", "%o %k\\n"],
  ]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, groupId);
});

Deno.test("The internal topic is refused to producers, and hidden from patterns", async () => {
  const { topic } = await restingGroup();
  const refused = await runProgram("kcat", ["-b", broker.bootstrap, "-P", "-t", GROUP_TOPIC], {
    stdin: "forged\n",
  });
  assertStringIncludes(refused.stderr, "Invalid topic");
  const read: string[] = [];
  const groupId = uniqueName("pattern");
  const consumer = kafkajsClient(broker).consumer({ groupId });
  await connected(consumer, async () => {
    // deno-lint-ignore require-await -- kafkajs wants a promise
    const eachMessage = async (
      { topic, message }: { topic: string; message: { value: Buffer | null } },
    ) => {
      read.push(`${topic} ${message.value}`);
    };
    await consumer.subscribe({ topics: [new RegExp(`^${topic}$`)], fromBeginning: true });
    await consumer.run({ eachMessage });
    await patiently(() => assertEquals(read.length, PARTITIONS * PER_PARTITION));
  });
  const { stdout } = await java.jvm.run("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", broker.bootstrap, "--include", `${GROUP_TOPIC}|${topic}`],
    ...["--from-beginning", "--timeout-ms", "5000", "--group", uniqueName("console")],
  ]);
  const lines = stdout.trim().split("\n");
  assert(lines.every((line) => line.startsWith("value ")), stdout.slice(0, 1000));
  assertEquals(lines.length, PARTITIONS * PER_PARTITION);
});
