import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FIND_COORDINATOR, METADATA } from "../../../client/apis.ts";
import { Consumer } from "../../../client/consumer/consumer.ts";
import {
  HEARTBEAT,
  JOIN_GROUP,
  LEAVE_GROUP,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  SYNC_GROUP,
} from "../../../client/group/apis.ts";
import {
  cooperativeStickyAssignor,
  decodeSubscription,
  encodeAssignment,
  rangeAssignor,
  stickyAssignor,
} from "../../../protocol/assignors/mod.ts";
import { decodeStickyUserData } from "../../../protocol/assignors/sticky/user_data.ts";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";
import { refusedJoin } from "../support/fake_group.ts";
import { Subscribed } from "./subscribed.ts";

Deno.test("Group member asks for an id, joins with it, and reads what it is assigned", async () => {
  await using member = new Subscribed();
  assertEquals((await member.pollFor(500)).length, 20);
  assertEquals(member.told, ["assigned 0,1"]);
  const [first, second] = member.cluster.requests(JOIN_GROUP).map(({ body }) => body);
  assertEquals([first.memberId, second.memberId], ["", "member-1"]);
  assertEquals([second.sessionTimeoutMs, second.rebalanceTimeoutMs], [45_000, 300_000]);
  assertEquals(
    second.protocols.map(({ name }: { name: string }) => name),
    ["range", "cooperative-sticky"],
  );
  const { topics, generationId } = decodeSubscription(second.protocols[0].metadata);
  assertEquals([topics, generationId], [["orders"], -1]);
  assertEquals(member.consumer.groupMetadata(), {
    groupId: "packers",
    memberId: "member-1",
    generationId: 1,
    groupInstanceId: null,
  });
});

Deno.test("Group member sends heartbeats while the application is busy, and leaves when that takes too long", async () => {
  await using member = new Subscribed({ maxPollIntervalMs: 60_000 });
  await member.pollFor(500);
  await member.cluster.environment.advance(50_000);
  const beats = member.cluster.requests(HEARTBEAT).length;
  assert(beats >= 15, `${beats} heartbeats`);
  assertEquals(member.cluster.requests(LEAVE_GROUP), []);

  await member.cluster.environment.advance(20_000);
  const [{ body }] = member.cluster.requests(LEAVE_GROUP);
  assertEquals(body.members[0].memberId, "member-1");
  assertEquals(body.members[0].reason, "no poll for 60000 ms");
  const silence = member.cluster.requests(HEARTBEAT).length;
  await member.cluster.environment.advance(60_000);
  assertEquals(member.cluster.requests(HEARTBEAT).length, silence);

  await member.pollFor(500);
  assertEquals(member.told, ["assigned 0,1", "lost 0,1", "assigned 0,1"]);
  assertEquals(member.consumer.groupMetadata().memberId, "member-2");
});

Deno.test("Group member does not read topics that a leader assigns to it though it has not subscribed to them", async () => {
  await using member = new Subscribed();
  const partitions = [{ topic: "orders", partitions: [1] }, { topic: "secrets", partitions: [0] }];
  member.cluster.next(SYNC_GROUP, () => ({
    errorCode: 0,
    assignment: encodeAssignment({ partitions, userData: null }),
  }));
  await member.pollFor(500);
  assertEquals(member.told, ["assigned 1"]);
  assertEquals(member.consumer.assignment(), [{ topic: "orders", partition: 1 }]);
});

const heartbeatErrors: readonly [ErrorName, readonly string[], string][] = [
  ["REBALANCE_IN_PROGRESS", ["revoked 0,1", "assigned 0,1"], "member-1"],
  ["ILLEGAL_GENERATION", ["lost 0,1", "assigned 0,1"], "member-1"],
  ["UNKNOWN_MEMBER_ID", ["lost 0,1", "assigned 0,1"], "member-2"],
];
for (const [error, told, memberId] of heartbeatErrors) {
  Deno.test(`Group member whose heartbeat is answered ${error} joins again as ${memberId}`, async () => {
    await using member = new Subscribed();
    await member.pollFor(500);
    member.cluster.next(HEARTBEAT, () => ({ errorCode: code(error) }));
    await member.pollFor(4000);
    assertEquals(member.told, ["assigned 0,1", ...told]);
    assertEquals(member.consumer.groupMetadata().memberId, memberId);
    assertEquals(member.consumer.groupMetadata().generationId, 2);
  });
}

Deno.test("Group member gives partitions up only in a poll, however long the group waits", async () => {
  await using member = new Subscribed();
  await member.pollFor(500);
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("REBALANCE_IN_PROGRESS") }));
  await member.cluster.environment.advance(30_000);
  assertEquals(member.told, ["assigned 0,1"]);
  await member.pollFor(300);
  assertEquals(member.told, ["assigned 0,1", "revoked 0,1", "assigned 0,1"]);
});

for (const error of ["COORDINATOR_LOAD_IN_PROGRESS", "REBALANCE_IN_PROGRESS"] as const) {
  Deno.test(`Group member tries again when a join or sync is answered ${error}`, async () => {
    await using member = new Subscribed();
    member.cluster.next(JOIN_GROUP, () => refusedJoin(error));
    member.cluster.next(SYNC_GROUP, () => ({
      errorCode: code(error),
      assignment: new Uint8Array(0),
    }));
    assertEquals((await member.pollFor(1000)).length, 20);
    assertEquals(member.told, ["assigned 0,1"]);
  });
}

Deno.test("Group member looks for the coordinator again when that is another broker, or gone", async () => {
  await using member = new Subscribed();
  member.cluster.next(FIND_COORDINATOR, () => ({
    coordinators: [{
      key: "packers",
      nodeId: -1,
      host: "",
      port: -1,
      errorCode: code("COORDINATOR_NOT_AVAILABLE"),
      errorMessage: null,
    }],
  }));
  await member.pollFor(1000);
  const found = member.cluster.requests(FIND_COORDINATOR).length;
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("NOT_COORDINATOR") }));
  await member.pollFor(4000);
  assertEquals(member.cluster.requests(FIND_COORDINATOR).length, found + 1);
  member.cluster.next(HEARTBEAT, () => "close");
  await member.pollFor(4000);
  assertEquals(member.cluster.requests(FIND_COORDINATOR).length, found + 2);
  assertEquals(member.told, ["assigned 0,1"]);
});

Deno.test("Static group member that is fenced says so in every poll, and drives nobody out", async () => {
  await using member = new Subscribed({ groupInstanceId: "north" });
  await member.pollFor(500);
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("FENCED_INSTANCE_ID") }));
  await member.cluster.environment.advance(4000);
  const joins = member.cluster.requests(JOIN_GROUP).length;
  for (let i = 0; i < 2; i++) {
    const error = await assertRejects(() => member.poll(), KafkaError);
    assertEquals(error.kind, "FENCED_INSTANCE_ID");
  }
  assertEquals(member.cluster.requests(JOIN_GROUP).length, joins);
});

Deno.test("Group member tells in a poll that it may not join, and tries again in the next one", async () => {
  await using member = new Subscribed();
  member.cluster.next(JOIN_GROUP, () => refusedJoin("GROUP_AUTHORIZATION_FAILED"));
  const error = await assertRejects(() => member.pollFor(1000), KafkaError);
  assertEquals(error.kind, "GROUP_AUTHORIZATION_FAILED");
  assertEquals((await member.pollFor(1000)).length, 20);
});

Deno.test("Group member leaves when it is closed; a static one stays", async () => {
  for (const [groupInstanceId, leaves] of [[undefined, 1], ["north", 0]] as const) {
    const member = new Subscribed({ groupInstanceId });
    await member.pollFor(500);
    await member.close();
    assertEquals(member.cluster.requests(LEAVE_GROUP).length, leaves);
    assertEquals(member.told, ["assigned 0,1", "revoked 0,1"]);
  }
});

Deno.test("Group member that unsubscribes reads nothing more and can subscribe again", async () => {
  await using member = new Subscribed();
  await member.pollFor(500);
  await member.consumer.unsubscribe();
  assertEquals(member.consumer.assignment(), []);
  assertEquals(member.cluster.requests(LEAVE_GROUP).length, 1);
  member.consumer.subscribe(["orders"]);
  await member.pollFor(500);
  assertEquals(member.consumer.assignment().length, 2);
});

Deno.test("Group member speaks with old brokers", async () => {
  const member = new Subscribed();
  const oldest = [
    ["FindCoordinator", 0],
    ["JoinGroup", 0],
    ["SyncGroup", 0],
    ["Heartbeat", 0],
    ["LeaveGroup", 0],
    ["OffsetCommit", 2],
    ["OffsetFetch", 1],
  ] as const;
  for (const [name, version] of oldest) member.cluster.versions.set(name, [version, version]);
  assertEquals((await member.pollFor(500)).length, 20);
  await member.close();
  assertEquals(member.group.committed.get("orders-1")?.offset, 10n);
  assertEquals(member.cluster.requests(LEAVE_GROUP)[0].body.memberId, "member-1");
  for (const { api, version } of member.cluster.seen) {
    const old = oldest.find(([name]) => name === api);
    if (old !== undefined) assertEquals(version, old[1]);
  }
});

Deno.test("Group member under the cooperative protocol keeps what stays, and says what it owns", async () => {
  await using member = new Subscribed({ partitionAssignmentStrategy: [cooperativeStickyAssignor] });
  await member.pollFor(500);
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("REBALANCE_IN_PROGRESS") }));
  await member.pollFor(4000);
  assertEquals(member.told, ["assigned 0,1", "assigned "]);
  const { body } = member.cluster.requests(JOIN_GROUP).at(-1)!;
  const { ownedPartitions, generationId } = decodeSubscription(body.protocols[0].metadata);
  assertEquals(ownedPartitions, [{ topic: "orders", partitions: [0, 1] }]);
  assertEquals(generationId, 1);
});

Deno.test("Group member whose listener throws in a cooperative rebalance goes on, and tells of the first error", async () => {
  await using member = new Subscribed({ partitionAssignmentStrategy: [cooperativeStickyAssignor] });
  await member.pollFor(500);
  const joins = member.cluster.requests(JOIN_GROUP).length;
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("REBALANCE_IN_PROGRESS") }));
  member.cluster.next(SYNC_GROUP, () => ({
    errorCode: 0,
    assignment: encodeAssignment({
      partitions: [{ topic: "orders", partitions: [0] }],
      userData: null,
    }),
  }));
  member.onTold = (what) => {
    throw new Error(`cannot take in "${what}"`);
  };
  await assertRejects(() => member.pollFor(4000), Error, 'cannot take in "revoked 1"');
  assertEquals(member.told, ["assigned 0,1", "revoked 1", "assigned "]);
  assertEquals(member.consumer.assignment(), [{ topic: "orders", partition: 0 }]);
  member.onTold = () => {};
  await member.pollFor(500);
  assertEquals(member.told.slice(3), ["assigned 1"]);
  assertEquals(member.cluster.requests(JOIN_GROUP).length, joins + 2);
});

Deno.test("Group member tells the sticky assignor what it had", async () => {
  await using member = new Subscribed({ partitionAssignmentStrategy: [stickyAssignor] });
  await member.pollFor(500);
  member.consumer.enforceRebalance();
  await member.pollFor(500);
  const { body } = member.cluster.requests(JOIN_GROUP).at(-1)!;
  assertEquals(decodeStickyUserData(decodeSubscription(body.protocols[0].metadata).userData), {
    partitions: [{ topic: "orders", partitions: [0, 1] }],
    generationId: 1,
  });
});

Deno.test("Group leader has the group share out partitions that were added", async () => {
  await using member = new Subscribed({ metadataMaxAgeMs: 2000 });
  await member.pollFor(500);
  const before = member.cluster.topics.get("orders")!;
  const after = member.cluster.topic("orders", 3);
  after.logs.splice(0, 2, ...before.logs);
  await member.pollFor(4000);
  assertEquals(member.told, ["assigned 0,1", "revoked 0,1", "assigned 0,1,2"]);
});

Deno.test("Group member subscribes to all topics that match, also to those that come later", async () => {
  const { cluster, group, consumer } = new Subscribed({ metadataMaxAgeMs: 2000 });
  consumer.subscribe(/^ord/g);
  const environment = cluster.environment;
  const poll = async (durationMs: number) => {
    const polled = consumer.poll({ timeoutMs: durationMs });
    await environment.advance(durationMs);
    await polled;
  };
  for (let i = 0; i < 6; i++) await poll(100);
  cluster.topic("ordinary", 1);
  cluster.topic("other", 1);
  for (let i = 0; i < 60; i++) await poll(100);
  assertEquals(
    consumer.assignment().map(({ topic, partition }) => `${topic}-${partition}`).sort(),
    ["orders-0", "orders-1", "ordinary-0"],
  );
  assertEquals(group.generationId, 2);
  assert(cluster.requests(METADATA).some(({ body }) => body.topics === null));
  const closed = consumer.close();
  await environment.advance(1000);
  await closed;
});

Deno.test("Consumer without a group id can neither subscribe nor commit", async () => {
  const cluster = new FakeCluster();
  await using consumer = new Consumer(cluster.options);
  assertThrows(() => consumer.subscribe(["orders"]), TypeError, "no groupId");
  await assertRejects(() => consumer.commit(), TypeError, "no groupId");
  assertThrows(
    () => new Consumer({ ...cluster.options, groupInstanceId: "north" }),
    TypeError,
    "without a groupId",
  );
});

Deno.test("Consumer refuses group settings that cannot work", () => {
  const { options } = new FakeCluster();
  const withGroup = { ...options, groupId: "packers" };
  for (
    const wrong of [
      { groupId: "" },
      { heartbeatIntervalMs: 45_000 },
      { partitionAssignmentStrategy: [] },
      { partitionAssignmentStrategy: [rangeAssignor, rangeAssignor] },
      { maxPollIntervalMs: 0 },
    ]
  ) assertThrows(() => new Consumer({ ...withGroup, ...wrong }), Error, "Cannot use");
});

Deno.test("Consumer cannot both subscribe and be assigned partitions by hand", async () => {
  await using member = new Subscribed();
  assertThrows(() => member.consumer.assign([]), TypeError, "subscribes to topics");
  const { cluster } = member;
  await using other = new Consumer({ ...cluster.options, groupId: "packers" });
  other.assign([{ topic: "orders", partition: 0 }]);
  assertThrows(() => other.subscribe(["orders"]), TypeError, "by hand");
});

Deno.test("Consumer with a group id that is assigned partitions by hand goes on where the group has got to", async () => {
  const { cluster, group } = new Subscribed();
  group.committed.set("orders-1", { offset: 8n, leaderEpoch: 0, metadata: "" });
  const consumer = new Consumer({ ...cluster.options, groupId: "packers" });
  consumer.assign([{ topic: "orders", partition: 1 }]);
  const polled = consumer.poll({ timeoutMs: 500 });
  await cluster.environment.advance(500);
  assertEquals((await polled).map(({ offset }) => offset), [8n, 9n]);
  await consumer.close();
  const [{ body }] = cluster.requests(OFFSET_COMMIT);
  assertEquals([body.generationIdOrMemberEpoch, body.memberId], [-1, ""]);
  assertEquals(group.committed.get("orders-1")?.offset, 10n);
  assertEquals(cluster.requests(OFFSET_FETCH).length, 1);
  assertEquals(cluster.requests(JOIN_GROUP).length, 0);
});

Deno.test("Group member that the group has gone on without does not pass for nobody, who may commit in transactions", async () => {
  await using member = new Subscribed();
  await member.pollFor(500);
  const before = member.consumer.groupMetadata();
  member.cluster.next(HEARTBEAT, () => ({ errorCode: code("UNKNOWN_MEMBER_ID") }));
  await member.cluster.environment.advance(4000); // no poll: it works on its records
  assertEquals(member.consumer.groupMetadata(), before);
  await member.pollFor(500);
  assertEquals(member.consumer.groupMetadata().memberId, "member-2");
});
