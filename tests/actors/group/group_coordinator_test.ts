import { assert, assertEquals } from "@std/assert";
import type { GroupHappening } from "../../../actors/group/group_feed.ts";
import { resumedState } from "../../../actors/group/group_machine.ts";
import { GroupTable } from "../../../actors/group/group_table.ts";
import {
  type GroupMessage,
  type Joined,
  MemberIdRequired,
} from "../../../actors/group/messages.ts";
import { readGroupRecord } from "../../../actors/group/records.ts";
import { Deadline } from "../../../actors/core/deadline.ts";
import { Feed } from "../../../actors/core/feed.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { recordsIn } from "../../../protocol/records/records.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnGroupCoordinator } from "../coordinator/spawn_coordinator.ts";

interface World {
  readonly environment: ManualEnvironment;
  readonly partition: MemoryPartition;
  readonly feed: Feed<GroupHappening>;
  readonly ref: ActorRef<GroupMessage>;
}

function world(
  settings: Readonly<Record<string, string>> = {},
  before?: Pick<World, "environment" | "partition">,
): World {
  const environment = before?.environment ?? new ManualEnvironment();
  const partition = before?.partition ?? new MemoryPartition(environment);
  const feed = new Feed<GroupHappening>();
  const ref = spawnGroupCoordinator(
    { environment, partition },
    { "group.initial.rebalance.delay.ms": "0", ...settings },
    { feed, topicId: () => "AAAAAAAAAAAAAAAAAAAAZQ" },
  );
  return { environment, partition, feed, ref };
}

function join(
  ref: ActorRef<GroupMessage>,
  memberId = "",
  instanceId: string | null = null,
): Promise<Joined> {
  return ref.ask("join", {
    groupId: "g",
    memberId,
    instanceId,
    clientId: "c",
    clientHost: "/h",
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: new Uint8Array([0, 0, 0, 0, 0, 0]) }],
    reason: null,
    needsKnownMember: false,
    canSkipAssignment: true,
  });
}

function sync(ref: ActorRef<GroupMessage>, { memberId, generation }: Joined, assignment = 7) {
  return ref.ask("sync", {
    groupId: "g",
    memberId,
    instanceId: null,
    generation,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId, assignment: new Uint8Array([assignment]) }],
  });
}

function commit(ref: ActorRef<GroupMessage>, partition: number, offset: bigint) {
  return ref.ask("commitOffsets", {
    groupId: "simple",
    memberId: "",
    instanceId: null,
    generation: -1,
    retentionMs: null,
    unknownGroup: "ILLEGAL_GENERATION",
    offsets: [{
      topic: "t",
      topicId: "AAAAAAAAAAAAAAAAAAAAZQ",
      partition,
      offset,
      leaderEpoch: 0,
      metadata: "",
    }],
  });
}

const kindOf = (error: KafkaError) => error.kind;

/** A group with one member that has its assignment. */
async function stable(world: World): Promise<Joined> {
  const joining = join(world.ref);
  await world.environment.advance(1);
  const joined = await joining;
  await sync(world.ref, joined);
  return joined;
}

Deno.test("Group coordinator is after a restart what it was before", async () => {
  const first = world();
  const joined = await stable(first);
  for (let n = 0; n < 30; n++) await commit(first.ref, n % 3, BigInt(n));
  const ask = async ({ ref }: World) => ({
    group: await ref.ask("describe", { groupId: "g" }),
    offsets: await ref.ask("fetchOffsets", {
      groupId: "simple",
      topics: null,
      requireStable: false,
    }),
    list: await ref.ask("list", {}),
  });
  const before = await ask(first);
  first.ref.stop();
  const second = world({}, first);
  await settle();
  assertEquals(await ask(second), before);
  const { memberId, generation } = joined;
  await second.ref.ask("heartbeat", { groupId: "g", memberId, instanceId: null, generation });
});

Deno.test("Group coordinator gives the members it has loaded a session's time to be heard of", async () => {
  const first = world();
  await stable(first);
  first.ref.stop();
  const second = world({}, first);
  await second.environment.advance(9_000);
  assertEquals((await second.ref.ask("describe", { groupId: "g" }))?.state, "Stable");
  await second.environment.advance(2_000);
  assertEquals((await second.ref.ask("describe", { groupId: "g" }))?.state, "Empty");
});

Deno.test("Group that is larger than group.max.size when loaded rebalances", async () => {
  const first = world();
  const joins = [join(first.ref, "", "a"), join(first.ref, "", "b")];
  await first.environment.advance(1);
  const [leader] = await Promise.all(joins);
  await sync(first.ref, leader).catch(() => {});
  await first.ref.ask("sync", {
    groupId: "g",
    memberId: leader.memberId,
    instanceId: "a",
    generation: 1,
    protocolType: null,
    protocolName: null,
    assignments: [],
  });
  first.ref.stop();
  const second = world({ "group.max.size": "1" }, first);
  await settle();
  assertEquals((await second.ref.ask("describe", { groupId: "g" }))?.state, "PreparingRebalance");
});

Deno.test("Group's live state and the one resumed from its records agree", async () => {
  const live = world();
  const joined = await stable(live);
  const resumed = new GroupTable(() =>
    new Deadline({ schedule: () => ({ cancel() {} }) }, live.environment.clock, () => {})
  );
  for (const batch of live.partition.batches) {
    for (const { key, value } of recordsIn(batch)) resumed.replay({ key: key!, value });
  }
  const group = resumed.get("g")!;
  group.resume();
  const reader = live.feed.read();
  await live.ref.ask("leave", {
    groupId: "g",
    members: [{ memberId: joined.memberId, instanceId: null, reason: null }],
  });
  reader.close();
  const happened: GroupHappening[] = [];
  for await (const happening of reader) happened.push(happening);
  assertEquals(group.state.value, happened[0].from);
  assertEquals(group.state.context, resumedState({ generation: 1, members: 1 }).context);
  assertEquals([group.leader, group.protocolName], [joined.memberId, "range"]);
});

Deno.test("Group coordinator answers nothing that is not durable, but heartbeats", async () => {
  const { ref, partition, environment } = world();
  const joining = join(ref);
  await environment.advance(1);
  const joined = await joining;
  partition.hold = true;
  const answered: string[] = [];
  const asked = [
    sync(ref, joined).then(() => answered.push("sync")),
    ref.ask("describe", { groupId: "g" }).then(() => answered.push("describe")),
    ref.ask("delete", { groupId: "g" }).catch(() => answered.push("refused delete")),
  ];
  const { memberId, generation } = joined;
  await ref.ask("heartbeat", { groupId: "g", memberId, instanceId: null, generation });
  await settle();
  assertEquals(answered, []);
  partition.release();
  await Promise.all(asked);
  assertEquals(answered.length, 3);
});

Deno.test("Group coordinator whose log fails starts again, and sends everybody who waits away", async () => {
  const { ref, partition, environment } = world();
  const joining = join(ref);
  await environment.advance(1);
  const joined = await joining;
  partition.fail = true;
  const outcomes = await Promise.all([
    sync(ref, joined).then(() => "answered", kindOf),
    join(ref).then(() => "answered", kindOf),
  ]);
  assertEquals(outcomes, ["NOT_COORDINATOR", "NOT_COORDINATOR"]);
  partition.fail = false;
  await environment.advance(1000);
  assertEquals(await ref.ask("describe", { groupId: "g" }), null, "nothing of it was durable");
});

Deno.test("Group writes the record versions that Kafka 4.3 writes", async () => {
  const live = world();
  await stable(live);
  await commit(live.ref, 0, 5n);
  const versions = live.partition.batches.flatMap((batch) =>
    [...recordsIn(batch)].map(({ key, value }) => [
      readGroupRecord({ key: key!, value })?.kind,
      value![1],
    ])
  );
  assertEquals(versions, [["group", 3], ["offset", 4]]);
});

Deno.test("Group feed tells what happened, from where to where, and why", async () => {
  const live = world();
  const reader = live.feed.read({ itemsMax: 3 });
  const joined = await stable(live);
  await live.ref.ask("leave", {
    groupId: "g",
    members: [{ memberId: joined.memberId, instanceId: null, reason: "done" }],
  });
  reader.close();
  const told: string[] = [];
  for await (const { event, from, to, reason } of reader) {
    told.push(`${event} ${from} ${to} ${reason}`);
  }
  assertEquals(told, [
    "gathered PreparingRebalance CompletingRebalance the group has gathered",
    "sync CompletingRebalance Stable the leader brings the assignment",
    "remove Stable Empty done",
  ]);
  assertEquals(reader.lost, 1);
});

Deno.test("Group that nobody came to in the end leaves nothing behind", async () => {
  const { ref, environment, partition } = world();
  const invited = await ref.ask("join", {
    groupId: "g",
    memberId: "",
    instanceId: null,
    clientId: "c",
    clientHost: "/h",
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: new Uint8Array(0) }],
    reason: null,
    needsKnownMember: true,
    canSkipAssignment: true,
  }).catch((error) => error);
  assert(invited instanceof MemberIdRequired);
  assertEquals((await ref.ask("list", {})).length, 1);
  await environment.advance(10_001);
  assertEquals(await ref.ask("list", {}), []);
  assertEquals(partition.batches, []);
});
