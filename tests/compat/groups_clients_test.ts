/**
 * Groups of each client, by itself: members share the partitions, commit, take over from who leaves, and go on where the
 * group has left off.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import {
  type GroupMember,
  MEMBERS,
  type Membership,
  type Strategy,
} from "./support/group_members.ts";
import { shared, Traffic } from "./support/groups.ts";
import { createTopic } from "./support/topics.ts";

const broker = brokerOfSuite("--set", "group.initial.rebalance.delay.ms=300");
const PARTITIONS = 6;

/** What each client can share out by. */
const STRATEGIES: Readonly<Record<keyof typeof MEMBERS, readonly Strategy[]>> = {
  kafkajs: ["roundrobin"],
  platformatic: ["roundrobin", "cooperative-sticky"],
  librdkafka: ["range", "roundrobin", "cooperative-sticky"],
  kcat: ["range", "cooperative-sticky"],
  java: ["range", "cooperative-sticky"],
  odradek: ["range", "roundrobin", "cooperative-sticky"],
};

for (const [client, strategies] of Object.entries(STRATEGIES)) {
  const memberOf = MEMBERS[client as keyof typeof MEMBERS];
  for (const strategy of strategies) {
    Deno.test(`Members of ${client} share by ${strategy}, take over, and go on where they left off`, async () => {
      const topic = await createTopic(broker, { what: client, partitions: PARTITIONS });
      const traffic = new Traffic(broker, topic, PARTITIONS);
      const membership: Membership = { groupId: uniqueName(client), topic, strategy };
      const { groupId } = membership;
      const members: GroupMember[] = [];
      const join = async () => {
        const member = await memberOf(broker, membership);
        members.push(member);
        return member;
      };
      await using stack = new AsyncDisposableStack();

      await traffic.produce(50);
      const first = await join();
      await shared(broker, groupId, 1, PARTITIONS);
      await traffic.readBy(groupId, members);

      stack.adopt(await join(), (member) => member.stop());
      const { assignor } = await shared(broker, groupId, 2, PARTITIONS);
      assertEquals(assignor, strategy);
      await traffic.produce(50);
      await traffic.readBy(groupId, members);

      await first.stop();
      await shared(broker, groupId, 1, PARTITIONS);
      await traffic.produce(10);
      await traffic.readBy(groupId, members);

      await stack.disposeAsync();
      await traffic.produce(10);
      const last = await join();
      await traffic.readBy(groupId, members);
      assertEquals(last.read.length, 10 * PARTITIONS);
      await last.stop();
    });
  }
}
