import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import {
  describeGroupsRequest,
  describeGroupsResponse,
} from "../../protocol/messages/15_describe_groups.ts";
import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../protocol/messages/42_delete_groups.ts";
import { leaveGroupRequest, leaveGroupResponse } from "../../protocol/messages/13_leave_group.ts";
import { ERROR_CODES, type ErrorName } from "../../protocol/errors.ts";
import {
  after,
  bytes,
  Member,
  pair,
  startGroups,
  subscription,
  type World,
} from "./group_support.ts";

const code = (name: ErrorName): number => ERROR_CODES[name].code;
const decoder = new TextDecoder();

async function describe(world: World, group = "g", version = 5) {
  using client = world.connect();
  const { groups } = await client.ask([describeGroupsRequest, describeGroupsResponse], version, {
    groups: [group],
    includeAuthorizedOperations: false,
  });
  return groups[0];
}

/** A member to leave. */
interface Leaver {
  readonly memberId: string;
  readonly groupInstanceId?: string | null;
}

async function leave(world: World, members: readonly Leaver[], version = 4) {
  using client = world.connect();
  return await client.ask([leaveGroupRequest, leaveGroupResponse], version, {
    groupId: "g",
    ...(version < 3 ? { memberId: members[0].memberId } : { members }),
  });
}

for (let version = 0; version <= 9; version++) {
  Deno.test(`JoinGroup v${version} lets a member in`, async () => {
    await using world = await startGroups();
    using member = new Member(world, { version });
    const joined = await after(world, member.join());
    assertEquals(joined.errorCode, 0);
    assertEquals(joined.generationId, 1);
    assertEquals(joined.leader, joined.memberId);
    assertEquals(joined.protocolName, "range");
    assertEquals(joined.protocolType, version >= 7 ? "consumer" : null);
    assertEquals(joined.members.map(({ memberId }) => memberId), [joined.memberId]);
    assertEquals(joined.members[0].metadata, subscription("t"));
  });
}

Deno.test("JoinGroup v4 gives a new member its id first; v3 does not", async () => {
  await using world = await startGroups();
  using member = new Member(world, { version: 4 });
  const bounced = await member.joinOnce();
  assertEquals(bounced.errorCode, code("MEMBER_ID_REQUIRED"));
  assertStringIncludes(bounced.memberId, "test-");
  assertEquals(bounced.generationId, -1);
  const joined = await after(world, member.joinOnce({ memberId: bounced.memberId }));
  assertEquals(joined.memberId, bounced.memberId);
  using older = new Member(world, { version: 3, group: "other" });
  assertEquals((await after(world, older.joinOnce())).errorCode, 0);
});

for (let version = 0; version <= 5; version++) {
  Deno.test(`SyncGroup v${version} tells each member its share`, async () => {
    await using world = await startGroups();
    using member = new Member(world, { version: 3 });
    await after(world, member.join());
    const synced = await member.sync({ [member.memberId]: "all", stranger: "none" }, version);
    assertEquals(synced.errorCode, 0);
    assertEquals(decoder.decode(synced.assignment), "all");
    assertEquals(synced.protocolType, version >= 5 ? "consumer" : null);
    assertEquals(synced.protocolName, version >= 5 ? "range" : null);
    assertEquals((await describe(world)).members.length, 1);
  });
}

Deno.test("SyncGroup v5 refuses who leaves out the protocol, as it does who names another", async () => {
  await using world = await startGroups();
  using member = new Member(world, { version: 3 });
  await after(world, member.join());
  for (const protocolType of ["consumer", "connect", null]) {
    for (const protocolName of ["range", "sticky", null]) {
      const { errorCode } = await member.sync({}, 5, { protocolType, protocolName });
      const isRight = protocolType === "consumer" && protocolName === "range";
      assertEquals(errorCode, isRight ? 0 : code("INCONSISTENT_GROUP_PROTOCOL"));
    }
  }
});

Deno.test("SyncGroup refuses an assignment that fits no record, a follower's too: it waited with 80 MB", async () => {
  await using world = await startGroups();
  using leader = new Member(world, { version: 3 });
  await after(world, leader.join());
  await leader.sync({ [leader.memberId]: "alone" });
  using follower = new Member(world, { version: 3 });
  const joining = follower.join();
  await world.environment.advance(10);
  await leader.joinOnce();
  await joining;
  const large = { someone: "x".repeat(1_100_000) };
  for (const member of [follower, leader]) {
    const { errorCode } = await after(world, member.sync(large));
    assertEquals(errorCode, code("UNKNOWN_SERVER_ERROR"));
  }
  const shares = { [leader.memberId]: "one", [follower.memberId]: "two" };
  const [, synced] = await Promise.all([leader.sync(shares), follower.sync()]);
  assertEquals(decoder.decode(synced.assignment), "two");
});

Deno.test("Group holds the followers' syncs until the leader's comes", async () => {
  await using world = await startGroups();
  const [leader, follower] = await pair(world);
  const { groupState, members, protocolData } = await describe(world);
  assertEquals(groupState, "Stable");
  assertEquals(protocolData, "range");
  assertEquals(
    members.map(({ memberAssignment }) => decoder.decode(memberAssignment)).sort(),
    ["one", "two"],
  );
  assertEquals(await leader.heartbeat(), 0);
  assertEquals(await follower.heartbeat(), 0);
});

for (let version = 0; version <= 4; version++) {
  Deno.test(`Heartbeat v${version} tells of rebalances, wrong generations and strangers`, async () => {
    await using world = await startGroups();
    const [leader, follower] = await pair(world, { version: 3 });
    assertEquals(await leader.heartbeat(version), 0);
    follower.generation--;
    assertEquals(await follower.heartbeat(version), code("ILLEGAL_GENERATION"));
    using stranger = new Member(world, { memberId: "nobody" });
    assertEquals(await stranger.heartbeat(version), code("UNKNOWN_MEMBER_ID"));
    using newcomer = new Member(world, { version: 3 });
    const joined = newcomer.join();
    await world.environment.advance(1);
    assertEquals(await leader.heartbeat(version), code("REBALANCE_IN_PROGRESS"));
    const rejoined = Promise.all([leader.joinOnce(), follower.joinOnce(), joined]);
    const answers = await after(world, rejoined);
    assertEquals(answers.map(({ generationId }) => generationId), [3, 3, 3]);
    assertEquals(answers.map(({ members }) => members.length), [3, 0, 0]);
  });
}

Deno.test("Group of an initial rebalance waits for more members, as long as they come", async () => {
  await using world = await startGroups({ "group.initial.rebalance.delay.ms": "3000" });
  using some = new Member(world, { version: 3 });
  using other = new Member(world, { version: 3 });
  let answers = 0;
  const joins = [some.join().then(() => answers++)];
  await world.environment.advance(2000);
  joins.push(other.join().then(() => answers++));
  await world.environment.advance(2000);
  assertEquals(answers, 0, "another one came: 3 s more");
  await world.environment.advance(2500);
  await Promise.all(joins);
  assertEquals([some.generation, other.generation], [1, 1]);
});

Deno.test("Group goes on without members that do not rejoin in time", async () => {
  await using world = await startGroups();
  const [leader, follower] = await pair(world, {
    sessionTimeoutMs: 60_000,
    rebalanceTimeoutMs: 5000,
  });
  const rejoined = leader.joinOnce();
  await world.environment.advance(4900);
  assertEquals((await describe(world)).groupState, "PreparingRebalance");
  await world.environment.advance(200);
  assertEquals((await rejoined).members.length, 1);
  assertEquals(await follower.heartbeat(), code("UNKNOWN_MEMBER_ID"));
});

Deno.test("Group removes a member whose session times out, and one that heartbeats stays", async () => {
  await using world = await startGroups();
  const [leader, follower] = await pair(world);
  for (let i = 0; i < 3; i++) {
    await world.environment.advance(4000);
    if (i < 2) assertEquals(await leader.heartbeat(), 0);
  }
  assertEquals(await leader.heartbeat(), code("REBALANCE_IN_PROGRESS"));
  assertEquals((await after(world, leader.joinOnce())).members.length, 1);
  assertEquals(await follower.heartbeat(), code("UNKNOWN_MEMBER_ID"));
});

Deno.test("Group whose leader never syncs rebalances without it", async () => {
  await using world = await startGroups();
  const joining = { rebalanceTimeoutMs: 8000, sessionTimeoutMs: 60_000 };
  const [leader, follower] = await pair(world, joining);
  const rejoined = Promise.all([leader.joinOnce(), follower.joinOnce()]);
  await after(world, rejoined);
  const synced = follower.sync();
  await world.environment.advance(8100);
  assertEquals((await synced).errorCode, code("REBALANCE_IN_PROGRESS"));
  assertEquals(await leader.heartbeat(), code("UNKNOWN_MEMBER_ID"));
  const alone = await after(world, follower.joinOnce());
  assertEquals(alone.leader, follower.memberId);
  assertEquals(alone.members.length, 1);
});

Deno.test("Group forgets an id that nobody came back with", async () => {
  await using world = await startGroups();
  using member = new Member(world, { version: 5, sessionTimeoutMs: 6000 });
  const { memberId } = await member.joinOnce();
  await world.environment.advance(6001);
  const answer = await member.joinOnce({ memberId });
  assertEquals(answer.errorCode, code("UNKNOWN_MEMBER_ID"));
  assertEquals((await describe(world)).groupState, "Dead");
});

Deno.test("Group elects the protocol that most members prefer among those that all offer", async () => {
  await using world = await startGroups({ "group.initial.rebalance.delay.ms": "100" });
  const offers = [["a", "b", "x"], ["b", "a"], ["b", "a", "y"]];
  const members = offers.map((names) =>
    new Member(world, { version: 3, protocols: names.map((name) => [name, bytes(name)]) })
  );
  const joins = Promise.all(members.map((member) => member.join()));
  const answers = await after(world, joins, 1000);
  assertEquals(answers.map(({ protocolName }) => protocolName), ["b", "b", "b"]);
  using odd = new Member(world, { version: 3, protocols: [["x", bytes("x")]] });
  assertEquals((await odd.join()).errorCode, code("INCONSISTENT_GROUP_PROTOCOL"));
  using other = new Member(world, { version: 3, protocolType: "connect" });
  assertEquals((await other.join()).errorCode, code("INCONSISTENT_GROUP_PROTOCOL"));
});

Deno.test("Group keeps the opaque metadata of other protocol types", async () => {
  await using world = await startGroups();
  const metadata = new Uint8Array([255, 0, 254]);
  using member = new Member(world, {
    protocolType: "connect",
    protocols: [["compatible", metadata]],
  });
  const joined = await after(world, member.join());
  assertEquals(joined.members[0].metadata, metadata);
  await member.sync({ [member.memberId]: "work" });
  const { protocolType, members } = await describe(world);
  assertEquals(protocolType, "connect");
  assertEquals(members[0].memberMetadata, metadata);
});

Deno.test("JoinGroup refuses impossible requests", async () => {
  await using world = await startGroups({ "group.max.size": "1" });
  const refusal = async (joining: ConstructorParameters<typeof Member>[1]) => {
    using member = new Member(world, joining);
    return (await after(world, member.joinOnce())).errorCode;
  };
  assertEquals(await refusal({ group: "" }), code("INVALID_GROUP_ID"));
  for (const sessionTimeoutMs of [-1, 5999, 1_800_001]) {
    assertEquals(await refusal({ sessionTimeoutMs }), code("INVALID_SESSION_TIMEOUT"));
  }
  assertEquals(await refusal({ memberId: "nobody" }), code("UNKNOWN_MEMBER_ID"));
  assertEquals(await refusal({ protocols: [] }), code("INCONSISTENT_GROUP_PROTOCOL"));
  assertEquals(await refusal({ protocolType: "" }), code("INCONSISTENT_GROUP_PROTOCOL"));
  const large = new Uint8Array(600_000);
  assertEquals(await refusal({ protocols: [["range", large]] }), code("INVALID_REQUEST"));
  assertEquals((await describe(world)).groupState, "Dead", "nothing is kept of them");
  using first = new Member(world, { version: 3 });
  await after(world, first.join());
  assertEquals(await refusal({ version: 3 }), code("GROUP_MAX_SIZE_REACHED"));
});

Deno.test("Group that everybody left while it waited for more members takes in who comes then", async () => {
  await using world = await startGroups({ "group.initial.rebalance.delay.ms": "3000" });
  using first = new Member(world, { version: 4 });
  const { memberId } = await first.joinOnce();
  const joining = first.joinOnce({ memberId });
  await world.environment.advance(1000);
  await leave(world, [{ memberId }]);
  await joining;
  using second = new Member(world, { version: 4 });
  assertEquals((await second.joinOnce()).errorCode, code("MEMBER_ID_REQUIRED"));
  using third = new Member(world, { version: 3 });
  const joined = third.join();
  await world.environment.advance(10_000);
  assertEquals((await joined).errorCode, 0);
  await third.sync({ [third.memberId]: "all" });
  assertEquals(await third.heartbeat(), 0);
});

Deno.test("Group that nothing is known of any more is not given up before its rebalance has ended", async () => {
  await using world = await startGroups({ "group.initial.rebalance.delay.ms": "3000" });
  using first = new Member(world, { version: 4 });
  const { memberId } = await first.joinOnce();
  const joining = first.joinOnce({ memberId });
  await world.environment.advance(1000);
  await leave(world, [{ memberId }]);
  await joining;
  using second = new Member(world, { version: 4 });
  const invited = await second.joinOnce();
  await leave(world, [{ memberId: invited.memberId }]);
  using third = new Member(world, { version: 3, sessionTimeoutMs: 30_000 });
  const joined = third.join();
  await world.environment.advance(10_000);
  assertEquals((await joined).errorCode, 0);
  await third.sync({ [third.memberId]: "all" });
  assertEquals(await third.heartbeat(), 0);
});

Deno.test("JoinGroup refuses an instance id too long for the member's id, and the group goes on", async () => {
  await using world = await startGroups();
  const [leader, follower] = await pair(world);
  using long = new Member(world, { instanceId: "i".repeat(32_760) });
  assertEquals((await long.joinOnce()).errorCode, code("INVALID_REQUEST"));
  assertEquals([await leader.heartbeat(), await follower.heartbeat()], [0, 0]);
  using fits = new Member(world, { group: "other", instanceId: "i".repeat(32_767 - 37) });
  assertEquals((await after(world, fits.join())).errorCode, 0);
  assertEquals((await fits.sync({ [fits.memberId]: "all" })).errorCode, 0);
  assertEquals(world.environment.lines.filter(({ level }) => level === "error"), []);
});

Deno.test("Coordinator bounds the ids that it gives out, and goes on serving other groups", async () => {
  await using world = await startGroups();
  using flood = new Member(world, { version: 5 });
  let last = 0;
  for (let i = 0; i < 2001; i++) last = (await flood.joinOnce({ memberId: "" })).errorCode;
  assertEquals(last, code("COORDINATOR_NOT_AVAILABLE"));
  using other = new Member(world, { version: 3, group: "other" });
  assertEquals((await after(world, other.join())).errorCode, 0);
});

Deno.test("Coordinator counts no more the ids that it gave out for groups that were deleted", async () => {
  await using world = await startGroups();
  using admin = world.connect();
  using flood = new Member(world, { version: 5 });
  for (let i = 0; i < 2001; i++) {
    const { errorCode } = await flood.joinOnce({ memberId: "" });
    assertEquals(errorCode, code("MEMBER_ID_REQUIRED"), `after ${i} groups`);
    const { results } = await admin.ask([deleteGroupsRequest, deleteGroupsResponse], 2, {
      groupsNames: ["g"],
    });
    assertEquals(results[0].errorCode, 0);
  }
});

for (let version = 0; version <= 5; version++) {
  Deno.test(`LeaveGroup v${version} lets a member go`, async () => {
    await using world = await startGroups();
    const [leader, follower] = await pair(world);
    const left = await leave(world, [{ memberId: follower.memberId }], version);
    assertEquals(left.errorCode, 0);
    assertEquals(left.members.map(({ errorCode }) => errorCode), version >= 3 ? [0] : []);
    assertEquals(await leader.heartbeat(), code("REBALANCE_IN_PROGRESS"));
    const again = await leave(world, [{ memberId: follower.memberId }], version);
    const errorCode = version >= 3 ? again.members[0].errorCode : again.errorCode;
    assertEquals(errorCode, code("UNKNOWN_MEMBER_ID"));
  });
}

Deno.test("LeaveGroup of a batch answers for each member, static ones by instance id", async () => {
  await using world = await startGroups();
  using member = new Member(world, { instanceId: "one" });
  await after(world, member.join());
  await member.sync({ [member.memberId]: "x" });
  const { members } = await leave(world, [
    { memberId: "nobody" },
    { memberId: "", groupInstanceId: "two" },
    { memberId: "wrong", groupInstanceId: "one" },
    { memberId: "", groupInstanceId: "one" },
  ]);
  assertEquals(members.map(({ errorCode }) => errorCode), [
    code("UNKNOWN_MEMBER_ID"),
    code("UNKNOWN_MEMBER_ID"),
    code("FENCED_INSTANCE_ID"),
    0,
  ]);
  const { groupState, protocolType } = await describe(world);
  assertEquals([groupState, protocolType], ["Empty", "consumer"]);
});

Deno.test("LeaveGroup of a member that waits and of one that is invited decides what follows once, for who is left", async () => {
  for (const stays of [false, true]) {
    await using world = await startGroups();
    const [some, other] = stays ? await pair(world) : [new Member(world), null];
    if (!stays) {
      await after(world, some.join());
      await some.sync({ [some.memberId]: "alone" });
    }
    using invited = new Member(world);
    const { memberId, errorCode } = await invited.joinOnce();
    assertEquals(errorCode, code("MEMBER_ID_REQUIRED"));
    const leaving = some.memberId;
    const waiting = some.joinOnce();
    const joining = other?.joinOnce({ protocols: [["range", subscription("t", "u")]] });
    await world.environment.advance(5);
    const left = await leave(world, [{ memberId: leaving }, { memberId }]);
    assertEquals(left.members.map(({ errorCode }) => errorCode), [0, 0]);
    assertEquals((await waiting).errorCode, code("UNKNOWN_MEMBER_ID"));
    if (joining) {
      const { errorCode, generationId } = await after(world, joining);
      assertEquals([errorCode, generationId], [0, 3]);
    }
    const { groupState, members } = await describe(world);
    assertEquals(
      [groupState, members.length],
      stays ? ["CompletingRebalance", 1] : ["Empty", 0],
    );
    assertEquals(world.environment.lines.filter(({ level }) => level === "error"), []);
  }
});

Deno.test("Static member comes back without a rebalance, and fences its former self", async () => {
  for (const version of [5, 9]) {
    await using world = await startGroups();
    using member = new Member(world, { instanceId: "one" });
    await after(world, member.join());
    await member.sync({ [member.memberId]: "mine" });
    using again = new Member(world, { instanceId: "one", version });
    const joined = await after(world, again.join());
    assertEquals(joined.errorCode, 0);
    assertEquals(joined.generationId, 1);
    assertNotEquals(joined.memberId, member.memberId);
    assertEquals(joined.skipAssignment, version === 9);
    assertEquals(joined.leader, version === 9 ? again.memberId : member.memberId);
    assertEquals(joined.members.length, version === 9 ? 1 : 0);
    assertEquals(decoder.decode((await again.sync()).assignment), "mine");
    assertEquals(await member.heartbeat(), code("FENCED_INSTANCE_ID"));
    assertEquals(await again.heartbeat(), 0);
    const { groupState, members } = await describe(world);
    assertEquals(groupState, "Stable");
    assertEquals(members.map(({ memberId }) => memberId), [again.memberId]);
  }
});

Deno.test("Static member that offers another protocol makes its group rebalance", async () => {
  await using world = await startGroups();
  using member = new Member(world, { instanceId: "one" });
  await after(world, member.join());
  await member.sync({ [member.memberId]: "mine" });
  using again = new Member(world, { instanceId: "one", protocols: [["sticky", bytes("s")]] });
  const refused = await after(world, again.join());
  assertEquals(refused.errorCode, code("INCONSISTENT_GROUP_PROTOCOL"));
  using both = new Member(world, {
    instanceId: "one",
    protocols: [["sticky", bytes("s")], ["range", bytes("r")]],
  });
  const joined = await after(world, both.join());
  assertEquals(joined.generationId, 2);
  assertEquals(joined.protocolName, "sticky");
});

Deno.test("Group answers the current generation to a follower that joins again unchanged", async () => {
  await using world = await startGroups();
  const [leader, follower] = await pair(world);
  const again = await follower.joinOnce();
  assertEquals([again.errorCode, again.generationId, again.leader], [0, 2, leader.memberId]);
  assertEquals(await leader.heartbeat(), 0);
});

Deno.test("DescribeGroups tells of an unknown group as the version can", async () => {
  await using world = await startGroups();
  for (let version = 0; version <= 6; version++) {
    const { errorCode, groupState, errorMessage } = await describe(world, "nobody", version);
    assertEquals(groupState, "Dead");
    assertEquals(errorCode, version === 6 ? code("GROUP_ID_NOT_FOUND") : 0);
    if (version === 6) assertEquals(errorMessage, "Group nobody not found.");
  }
  const [leader] = await pair(world);
  for (let version = 0; version <= 6; version++) {
    const { members } = await describe(world, "g", version);
    assertEquals(members.length, 2);
    assert(members.some(({ memberId }) => memberId === leader.memberId));
    assert(members.every(({ clientHost }) => clientHost.startsWith("/")));
  }
});
