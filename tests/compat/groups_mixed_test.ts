/**
 * Groups of different clients, which have to understand each other's subscriptions and assignments, and static members.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { assertForwards, groupLog, type StepBack } from "./support/group_log.ts";
import { type MemberOf, MEMBERS, type Strategy } from "./support/group_members.ts";
import { adminOf, shared, Traffic } from "./support/groups.ts";
import { createTopic } from "./support/topics.ts";

const broker = brokerOfSuite("--set", "group.initial.rebalance.delay.ms=300");

/** Who can share out by what. The first to come leads: with each order of them, another client assigns. */
const CIRCLES: Readonly<Record<Strategy, readonly (keyof typeof MEMBERS)[]>> = {
  "range": ["java", "librdkafka", "kcat", "odradek"],
  "roundrobin": ["kafkajs", "odradek", "platformatic", "librdkafka", "java", "kcat"],
  "cooperative-sticky": ["platformatic", "odradek", "java", "librdkafka"],
};

for (
  const [strategy, clients] of Object.entries(CIRCLES) as [Strategy, (keyof typeof MEMBERS)[]][]
) {
  Deno.test(`Clients share by ${strategy}, whoever leads: ${clients.join(", ")}`, async () => {
    const partitions = 2 * clients.length;
    const topic = await createTopic(broker, { what: strategy, partitions });
    const traffic = new Traffic(broker, topic, partitions);
    const groupId = uniqueName(strategy);
    const members = [];
    for (const [index, client] of clients.entries()) {
      members.push(await MEMBERS[client](broker, { groupId, topic, strategy }));
      if (index === 0) await shared(broker, groupId, 1, partitions);
    }
    await shared(broker, groupId, clients.length, partitions);
    await traffic.produce(20);
    await traffic.readBy(groupId, members);

    // As each leader leaves, another client assigns.
    for (let gone = 1; gone < clients.length; gone++) {
      await members[gone - 1].stop();
      await shared(broker, groupId, clients.length - gone, partitions);
      await traffic.produce(5);
      await traffic.readBy(groupId, members);
    }
    await members.at(-1)!.stop();
    // Who reads what is not its own commits it too, and the owner may have been further.
    const isExcused = ({ partition }: StepBack) => traffic.readTwice.has(partition);
    assertForwards(await groupLog(broker, groupId), isExcused);
  });
}

const STATIC: Readonly<Record<string, readonly [memberOf: MemberOf, strategy: Strategy]>> = {
  platformatic: [MEMBERS.platformatic, "roundrobin"],
  librdkafka: [MEMBERS.librdkafka, "range"],
  java: [MEMBERS.java, "cooperative-sticky"],
  odradek: [MEMBERS.odradek, "cooperative-sticky"],
};

for (const [client, [memberOf, strategy]] of Object.entries(STATIC)) {
  Deno.test(`Static members of ${client} go and come back without a rebalance`, async () => {
    const topic = await createTopic(broker, { what: client, partitions: 4 });
    const traffic = new Traffic(broker, topic, 4);
    const groupId = uniqueName(`${client}-static`);
    const memberNamed = (instanceId: string) =>
      memberOf(broker, { groupId, topic, strategy, instanceId });
    const first = await memberNamed("first");
    await shared(broker, groupId, 1, 4);
    const second = await memberNamed("second");
    const before = await shared(broker, groupId, 2, 4);
    await traffic.produce(10);
    await traffic.readBy(groupId, [first, second]);

    await second.stop();
    const again = await memberNamed("second");
    await traffic.produce(10);
    await traffic.readBy(groupId, [first, second, again]);

    await using admin = adminOf(broker);
    const after = await admin.groups.describe(groupId);
    const ownedBy = ({ members }: typeof after) =>
      new Map(members.map(({ groupInstanceId, assignment }) => [groupInstanceId, assignment]));
    assertEquals(ownedBy(after), ownedBy(before));
    await Promise.all([first.stop(), again.stop()]);
  });
}
