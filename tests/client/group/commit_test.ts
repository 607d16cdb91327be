import { assert, assertEquals, assertRejects } from "@std/assert";
import { HEARTBEAT, JOIN_GROUP, OFFSET_COMMIT, OFFSET_FETCH } from "../../../client/group/apis.ts";
import type { Consumer } from "../../../client/consumer/consumer.ts";
import { cooperativeStickyAssignor } from "../../../protocol/assignors/mod.ts";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { code } from "../support/fake_cluster.ts";
import { Subscribed } from "./subscribed.ts";

/** Answers a commit with an error for each partition. */
function refuse(member: Subscribed, error: ErrorName): void {
  member.cluster.next(OFFSET_COMMIT, ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: code(error),
      })),
    })),
  }));
}

function offsets({ group }: Subscribed): (bigint | undefined)[] {
  return [0, 1].map((partition) => group.committed.get(`orders-${partition}`)?.offset);
}

/** Settles as `promise` does, after time to do so. */
async function soon<T>(member: Subscribed, promise: Promise<T>, ms = 1000): Promise<T> {
  promise.catch(() => {});
  await member.cluster.environment.advance(ms);
  return await promise;
}

Deno.test("Consumer commits what was polled at intervals, and nothing again that it has committed", async () => {
  await using member = new Subscribed();
  await member.pollFor(4000);
  assertEquals(member.group.committed.size, 0);
  await member.pollFor(2000);
  assertEquals(offsets(member), [10n, 10n]);
  assertEquals(member.group.committed.get("orders-0")?.leaderEpoch, 0);
  await member.pollFor(20_000);
  assertEquals(member.cluster.requests(OFFSET_COMMIT).length, 1);
});

Deno.test("Consumer that waits in a poll commits at intervals too", async () => {
  await using member = new Subscribed();
  await member.pollFor(500);
  const polled = member.consumer.poll();
  await member.cluster.environment.advance(6000);
  assertEquals(offsets(member), [10n, 10n]);
  const closed = member.consumer.close();
  await member.cluster.environment.advance(1000);
  assertEquals(await polled, []);
  await closed;
});

Deno.test("Consumer commits before it gives partitions up, and when it is closed", async () => {
  const member = new Subscribed({ maxPollRecords: 4 });
  let polled = (await member.pollFor(400)).length;
  assert(polled > 0 && polled < 20, `${polled}`);
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("REBALANCE_IN_PROGRESS") }));
  await member.cluster.environment.advance(3000);
  polled += (await member.poll()).length;
  assertEquals(member.told, ["assigned 0,1", "revoked 0,1", "assigned 0,1"]);
  const committed = () => offsets(member).reduce((sum: bigint, offset) => sum + (offset ?? 0n), 0n);
  assert(committed() > 0n && committed() <= BigInt(polled));
  polled += (await member.pollFor(200)).length;
  await member.close();
  assertEquals(committed(), BigInt(polled));
});

Deno.test("Consumer goes on where the group has got to", async () => {
  await using member = new Subscribed();
  member.group.committed.set("orders-0", { offset: 7n, leaderEpoch: 0, metadata: "" });
  const records = await member.pollFor(500);
  assertEquals(records.filter(({ partition }) => partition === 0).map(({ offset }) => offset), [
    7n,
    8n,
    9n,
  ]);
  assertEquals(records.filter(({ partition }) => partition === 1).length, 10);
});

Deno.test("Consumer looks up commits again while they are unstable", async () => {
  await using member = new Subscribed({ isolationLevel: "read_committed" });
  member.cluster.next(OFFSET_FETCH, ({ groups }) => ({
    groups: groups.map(({ groupId }) => ({
      groupId,
      errorCode: 0,
      topics: [{
        name: "orders",
        partitions: [{
          partitionIndex: 0,
          committedOffset: -1n,
          metadata: "",
          errorCode: code("UNSTABLE_OFFSET_COMMIT"),
        }],
      }],
    })),
  }));
  assertEquals((await member.pollFor(1000)).length, 20);
  const asked = member.cluster.requests(OFFSET_FETCH);
  assertEquals(asked.map(({ body }) => body.requireStable), [true, true]);
});

Deno.test("Consumer without autoOffsetReset says so where the group has committed nothing", async () => {
  await using member = new Subscribed({ autoOffsetReset: "none" });
  const error = await assertRejects(() => member.pollFor(1000), KafkaError);
  assertEquals(error.kind, "OFFSET_OUT_OF_RANGE");
});

Deno.test("Consumer commits offsets by hand, with metadata and leader epoch", async () => {
  await using member = new Subscribed({ enableAutoCommit: false });
  await member.pollFor(500);
  const offset = { topic: "orders", partition: 1, offset: 5n, leaderEpoch: 3, metadata: "half" };
  await soon(member, member.consumer.commit([offset]));
  assertEquals(offsets(member), [undefined, 5n]);
  const found = await soon(member, member.consumer.committed([{ topic: "orders", partition: 1 }]));
  assertEquals(found, [offset]);
  await soon(member, member.consumer.commit());
  assertEquals(offsets(member), [10n, 10n]);
  await member.close();
  assertEquals(member.cluster.requests(OFFSET_COMMIT).length, 2);
});

for (
  const error of [
    "COORDINATOR_LOAD_IN_PROGRESS",
    "COORDINATOR_NOT_AVAILABLE",
    "NOT_COORDINATOR",
    "REQUEST_TIMED_OUT",
    "UNKNOWN_TOPIC_OR_PARTITION",
  ] as const
) {
  Deno.test(`Consumer commits again after ${error}`, async () => {
    await using member = new Subscribed({ enableAutoCommit: false });
    await member.pollFor(500);
    refuse(member, error);
    await soon(member, member.consumer.commit());
    assertEquals(offsets(member), [10n, 10n]);
  });
}

for (
  const error of [
    "ILLEGAL_GENERATION",
    "UNKNOWN_MEMBER_ID",
    "REBALANCE_IN_PROGRESS",
    "OFFSET_METADATA_TOO_LARGE",
  ] as const
) {
  Deno.test(`Consumer says that it could not commit after ${error}, and stays in its group`, async () => {
    await using member = new Subscribed({ enableAutoCommit: false });
    await member.pollFor(500);
    refuse(member, error);
    const thrown = await assertRejects(() => soon(member, member.consumer.commit()), KafkaError);
    assertEquals(thrown.kind, error);
    await member.pollFor(1000);
    await soon(member, member.consumer.commit());
    assertEquals(offsets(member), [10n, 10n]);
    const isLost = error === "ILLEGAL_GENERATION" || error === "UNKNOWN_MEMBER_ID";
    assertEquals(member.told.includes("lost 0,1"), isLost);
  });
}

Deno.test("Consumer keeps its partitions when a commit is overtaken by the next generation", async () => {
  await using member = new Subscribed({
    enableAutoCommit: false,
    partitionAssignmentStrategy: [cooperativeStickyAssignor],
  });
  await member.pollFor(500);
  const { promise: othersJoined, resolve: letGo } = Promise.withResolvers<void>();
  member.cluster.next(JOIN_GROUP, async ({ memberId, protocols: [protocol] }) => {
    await othersJoined;
    return {
      errorCode: 0,
      generationId: 2,
      protocolName: protocol.name,
      leader: memberId,
      memberId,
      members: [{ memberId, metadata: protocol.metadata }],
    };
  });
  member.consumer.enforceRebalance();
  await member.poll();
  refuse(member, "ILLEGAL_GENERATION");
  const error = await assertRejects(() => soon(member, member.consumer.commit()), KafkaError);
  assertEquals(error.kind, "REBALANCE_IN_PROGRESS");
  letGo();
  await member.pollFor(500);
  await soon(member, member.consumer.commit());
  assertEquals(member.told, ["assigned 0,1", "assigned "]);
  assertEquals(member.consumer.groupMetadata().generationId, 2);
});

Deno.test("Consumer that has lost its place does not commit as somebody else", async () => {
  await using member = new Subscribed({ enableAutoCommit: false });
  await member.pollFor(500);
  refuse(member, "UNKNOWN_MEMBER_ID");
  await assertRejects(() => soon(member, member.consumer.commit()), KafkaError);
  const error = await assertRejects(() => soon(member, member.consumer.commit()), KafkaError);
  assertEquals(error.kind, "UNKNOWN_MEMBER_ID");
  assertEquals(member.cluster.requests(OFFSET_COMMIT).length, 1);
});

/** Seed 227 of the storm: it joined anew under its name, and so drove out its successor, whose commit drove it out. */
Deno.test("Static member that hears from a commit that it is fenced drives nobody out", async () => {
  await using member = new Subscribed({ groupInstanceId: "north", enableAutoCommit: false });
  await member.pollFor(500);
  refuse(member, "FENCED_INSTANCE_ID");
  const joins = member.cluster.requests(JOIN_GROUP).length;
  await assertRejects(() => soon(member, member.consumer.commit()), KafkaError);
  for (let i = 0; i < 2; i++) {
    const error = await assertRejects(() => member.poll(), KafkaError);
    assertEquals(error.kind, "FENCED_INSTANCE_ID");
  }
  assertEquals(member.cluster.requests(JOIN_GROUP).length, joins);
});

Deno.test("Consumer commits in the order of the calls, also when one is tried again", async () => {
  await using member = new Subscribed({ enableAutoCommit: false });
  await member.pollFor(500);
  refuse(member, "COORDINATOR_LOAD_IN_PROGRESS");
  const commit = (offset: bigint) =>
    member.consumer.commit([{ topic: "orders", partition: 0, offset }]);
  await soon(member, Promise.all([commit(1n), commit(2n)]));
  assertEquals(offsets(member)[0], 2n);
  const sent = member.cluster.requests(OFFSET_COMMIT)
    .map(({ body }) => body.topics[0].partitions[0].committedOffset);
  assertEquals(sent, [1n, 1n, 2n]);
});

async function takeThree(consumer: Consumer): Promise<void> {
  let count = 0;
  for await (const _record of consumer) if (++count === 3) break;
}

Deno.test("Consumer does not commit what a loop has left behind", async () => {
  const member = new Subscribed({ maxPollRecords: 5 });
  await soon(member, takeThree(member.consumer));
  await member.close();
  assertEquals(offsets(member).filter((offset) => offset !== 0n), [3n]);
});

Deno.test("Consumer goes back to what is committed, and tells how far it has got", async () => {
  await using member = new Subscribed({ enableAutoCommit: false, maxPollRecords: 4 });
  while ((await member.poll()).length === 0);
  await member.consumer.commit();
  const committed = member.consumer.offsetsToCommit().map(({ offset }) => offset);
  assertEquals(committed.reduce((sum, offset) => sum + offset, 0n), 4n);
  const next = await member.poll();
  assertEquals(next.length, 4);
  member.consumer.seekToCommitted();
  const again = await member.pollFor(500);
  assertEquals(again.length, 16);
  for (const { partition, offset } of next) {
    assert(again.some((record) => record.partition === partition && record.offset === offset));
  }
});
