import { assertEquals } from "@std/assert";
import {
  deleteTopicsRequest,
  deleteTopicsResponse,
} from "../../protocol/messages/20_delete_topics.ts";
import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../protocol/messages/42_delete_groups.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../protocol/messages/10_find_coordinator.ts";
import { listGroupsRequest, listGroupsResponse } from "../../protocol/messages/16_list_groups.ts";
import { metadataRequest, metadataResponse } from "../../protocol/messages/03_metadata.ts";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import {
  offsetDeleteRequest,
  offsetDeleteResponse,
} from "../../protocol/messages/47_offset_delete.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import { ERROR_CODES, type ErrorName } from "../../protocol/errors.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import {
  after,
  createTopic,
  type Joining,
  Member,
  startGroups,
  subscription,
  type World,
} from "./group_support.ts";

const code = (name: ErrorName): number => ERROR_CODES[name].code;
const MINUTE_MS = 60_000;
/** Offsets are kept for a minute, and looked at every second. */
const SHORT_LIVED = {
  "offsets.retention.minutes": "1",
  "offsets.retention.check.interval.ms": "1000",
};

interface Commit {
  readonly version?: number;
  readonly group?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
  readonly metadata?: string | null;
  readonly member?: Member;
  readonly retentionMs?: bigint;
}

async function topicIdOf(world: World, name: string): Promise<string> {
  using client = world.connect();
  const { topics } = await client.ask([metadataRequest, metadataResponse], 12, {
    topics: [{ name, topicId: ZERO_UUID }],
    allowAutoTopicCreation: false,
  });
  return topics[0].topicId;
}

/** The error code of one commit. */
async function commit(world: World, commit: Commit = {}): Promise<number> {
  const { version = 7, group = "g", topic = "t", member } = commit;
  using client = world.connect();
  const named = version >= 10
    ? { topicId: topic.length === 22 ? topic : await topicIdOf(world, topic) }
    : { name: topic };
  const { topics } = await client.ask([offsetCommitRequest, offsetCommitResponse], version, {
    groupId: group,
    generationIdOrMemberEpoch: member?.generation ?? -1,
    memberId: member?.memberId ?? "",
    ...(commit.retentionMs !== undefined && { retentionTimeMs: commit.retentionMs }),
    topics: [{
      ...named,
      partitions: [{
        partitionIndex: commit.partition ?? 0,
        committedOffset: commit.offset ?? 42n,
        committedMetadata: commit.metadata ?? null,
        ...(version >= 6 && { committedLeaderEpoch: 3 }),
      }],
    }],
  });
  return topics[0].partitions[0].errorCode;
}

/** All that a group has committed, as `topic-partition@offset`. */
async function committed(world: World, group = "g"): Promise<string[]> {
  using client = world.connect();
  const { errorCode, topics } = await client.ask([offsetFetchRequest, offsetFetchResponse], 7, {
    groupId: group,
    topics: null,
    requireStable: true,
  });
  assertEquals(errorCode, 0);
  return topics.flatMap(({ name, partitions }) =>
    partitions.map((p) => `${name}-${p.partitionIndex}@${p.committedOffset}`)
  );
}

async function listed(world: World, statesFilter: string[] = [], typesFilter: string[] = []) {
  using client = world.connect();
  const { groups } = await client.ask([listGroupsRequest, listGroupsResponse], 5, {
    statesFilter,
    typesFilter,
  });
  return groups.map(({ groupId, groupState, groupType }) =>
    `${groupId} ${groupState} ${groupType}`
  );
}

async function deleteGroup(world: World, group: string): Promise<number> {
  using client = world.connect();
  const { results } = await client.ask([deleteGroupsRequest, deleteGroupsResponse], 2, {
    groupsNames: [group],
  });
  return results[0].errorCode;
}

async function deleteOffset(world: World, topic: string, group = "g"): Promise<number> {
  using client = world.connect();
  const { errorCode, topics } = await client.ask([offsetDeleteRequest, offsetDeleteResponse], 0, {
    groupId: group,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
  });
  return errorCode || topics[0].partitions[0].errorCode;
}

async function stableMember(world: World, joining: Joining = {}): Promise<Member> {
  const member = new Member(world, { protocols: [["range", subscription("t")]], ...joining });
  await after(world, member.join());
  await member.sync({ [member.memberId]: "all" });
  return member;
}

for (let version = 0; version <= 6; version++) {
  Deno.test(`FindCoordinator v${version} answers this broker for groups`, async () => {
    await using world = await startGroups();
    using client = world.connect();
    const answer = await client.ask([findCoordinatorRequest, findCoordinatorResponse], version, {
      ...(version < 4 ? { key: "g" } : { coordinatorKeys: ["g", "h"] }),
    });
    const found = version < 4 ? [answer] : answer.coordinators;
    assertEquals(
      found.map(({ errorCode, nodeId }) => [errorCode, nodeId]),
      found.map(() => [0, 1]),
    );
  });
}

for (let version = 2; version <= 10; version++) {
  Deno.test(`OffsetCommit v${version} stores an offset`, async () => {
    await using world = await startGroups();
    assertEquals(await commit(world, { version, offset: 9n }), 0);
    assertEquals(await committed(world), ["t-0@9"]);
  });
}

for (let version = 1; version <= 10; version++) {
  Deno.test(`OffsetFetch v${version} tells what is committed, and -1 for what is not`, async () => {
    await using world = await startGroups();
    await commit(world, { metadata: "note" });
    using client = world.connect();
    const partitionIndexes = [0, 1];
    const topics = version >= 10
      ? [{ topicId: await topicIdOf(world, "t"), partitionIndexes }]
      : [{ name: "t", partitionIndexes }];
    const answer = await client.ask(
      [offsetFetchRequest, offsetFetchResponse],
      version,
      version < 8
        ? { groupId: "g", topics: [{ name: "t", partitionIndexes }] }
        : { groups: [{ groupId: "g", topics }, { groupId: "unknown", topics }] },
    );
    const groups = version < 8 ? [answer] : answer.groups;
    const told = groups.map(({ topics }) =>
      topics[0].partitions.map((p) => [p.committedOffset, p.metadata, p.errorCode])
    );
    assertEquals(told[0], [[42n, "note", 0], [-1n, "", 0]]);
    if (version >= 8) assertEquals(told[1], [[-1n, "", 0], [-1n, "", 0]]);
  });
}

Deno.test("OffsetCommit refuses what cannot be stored", async () => {
  await using world = await startGroups({ "offset.metadata.max.bytes": "10" });
  assertEquals(
    await commit(world, { metadata: "x".repeat(11) }),
    code("OFFSET_METADATA_TOO_LARGE"),
  );
  assertEquals(await commit(world, { topic: "nothing" }), code("UNKNOWN_TOPIC_OR_PARTITION"));
  assertEquals(await commit(world, { partition: 4 }), code("UNKNOWN_TOPIC_OR_PARTITION"));
  assertEquals(
    await commit(world, { version: 10, topic: "AAAAAAAAAAAAAAAAAAAAZQ" }),
    code("UNKNOWN_TOPIC_ID"),
  );
  assertEquals(await committed(world), []);
});

Deno.test("OffsetCommit is for members of the generation, while a group has members", async () => {
  await using world = await startGroups();
  using stranger = new Member(world, { memberId: "nobody" });
  stranger.generation = 1;
  assertEquals(await commit(world, { member: stranger }), code("ILLEGAL_GENERATION"));
  assertEquals(await commit(world, { member: stranger, version: 9 }), code("GROUP_ID_NOT_FOUND"));
  using member = await stableMember(world);
  assertEquals(await commit(world, { member }), 0);
  assertEquals(await commit(world), code("UNKNOWN_MEMBER_ID"));
  assertEquals(await commit(world, { member: stranger }), code("UNKNOWN_MEMBER_ID"));
  member.generation++;
  assertEquals(await commit(world, { member }), code("ILLEGAL_GENERATION"));
  member.generation--;
  await after(world, member.joinOnce());
  assertEquals(await commit(world, { member }), code("REBALANCE_IN_PROGRESS"));
});

Deno.test("ListGroups filters by state and type without regard to case", async () => {
  await using world = await startGroups();
  assertEquals(await listed(world), []);
  using member = await stableMember(world);
  assertEquals(member.generation, 1);
  await commit(world, { group: "simple" });
  assertEquals((await listed(world)).sort(), ["g Stable classic", "simple Empty classic"]);
  assertEquals(await listed(world, ["sTABLE"]), ["g Stable classic"]);
  assertEquals(await listed(world, ["dead"]), []);
  assertEquals(await listed(world, [], ["Consumer"]), []);
  assertEquals((await listed(world, [], ["CLASSIC"])).length, 2);
});

Deno.test("DeleteGroups removes an empty group and its offsets, no other", async () => {
  await using world = await startGroups();
  await commit(world);
  assertEquals(await deleteGroup(world, "g"), 0);
  assertEquals(await committed(world), []);
  assertEquals(await listed(world), []);
  assertEquals(await deleteGroup(world, "g"), code("GROUP_ID_NOT_FOUND"));
  using _member = await stableMember(world);
  assertEquals(await deleteGroup(world, "g"), code("NON_EMPTY_GROUP"));
});

Deno.test("OffsetDelete spares the topics that the members consume", async () => {
  await using world = await startGroups();
  await createTopic(world, "other");
  assertEquals(await deleteOffset(world, "t"), code("GROUP_ID_NOT_FOUND"));
  using member = await stableMember(world);
  await commit(world, { member });
  await commit(world, { member, topic: "other" });
  assertEquals(await deleteOffset(world, "t"), code("GROUP_SUBSCRIBED_TO_TOPIC"));
  assertEquals(await deleteOffset(world, "other"), 0);
  assertEquals(await deleteOffset(world, "nothing"), code("UNKNOWN_TOPIC_OR_PARTITION"));
  assertEquals(await committed(world), ["t-0@42"]);
});

Deno.test("Offsets of a deleted topic go with it", async () => {
  await using world = await startGroups();
  await createTopic(world, "other");
  await commit(world);
  await commit(world, { topic: "other" });
  using client = world.connect();
  await client.ask([deleteTopicsRequest, deleteTopicsResponse], 4, {
    topicNames: ["t"],
    timeoutMs: 1000,
  });
  assertEquals(await committed(world), ["other-0@42"]);
});

Deno.test("Offsets of a group without members expire by their commit", async () => {
  await using world = await startGroups(SHORT_LIVED);
  await commit(world);
  await world.environment.advance(MINUTE_MS / 2);
  await commit(world, { partition: 1 });
  await world.environment.advance(0.75 * MINUTE_MS);
  assertEquals(await committed(world), ["t-1@42"]);
  await world.environment.advance(MINUTE_MS / 2);
  assertEquals(await listed(world), []);
});

Deno.test("Offset whose client said how long to keep it expires then", async () => {
  await using world = await startGroups(SHORT_LIVED);
  await commit(world, { version: 4, retentionMs: BigInt(MINUTE_MS / 2) });
  await commit(world, { partition: 1 });
  await world.environment.advance(0.75 * MINUTE_MS);
  assertEquals(await committed(world), ["t-1@42"]);
});

Deno.test("Offset whose client said to keep it for Long.MAX stays, and its coordinator, too", async () => {
  await using world = await startGroups(SHORT_LIVED);
  assertEquals(await commit(world, { version: 4, retentionMs: 2n ** 63n - 1n }), 0);
  await world.environment.advance(10 * MINUTE_MS);
  assertEquals(await committed(world), ["t-0@42"]);
  assertEquals(world.environment.lines.filter(({ level }) => level === "error"), []);
});

Deno.test("Offset that its members consume stays, whatever its client said of how long to keep it", async () => {
  await using world = await startGroups(SHORT_LIVED);
  await createTopic(world, "other");
  using member = await stableMember(world, { sessionTimeoutMs: 2 * MINUTE_MS });
  const retentionMs = BigInt(MINUTE_MS / 4);
  await commit(world, { member, version: 4, retentionMs });
  await commit(world, { member, version: 4, retentionMs, topic: "other" });
  await world.environment.advance(0.5 * MINUTE_MS);
  assertEquals(await committed(world), ["t-0@42"]);
});

Deno.test("Offsets of a group with members stay while they are consumed, and until it was empty for long", async () => {
  await using world = await startGroups(SHORT_LIVED);
  await createTopic(world, "other");
  using member = new Member(world, { sessionTimeoutMs: 2 * MINUTE_MS });
  await after(world, member.join());
  await member.sync({ [member.memberId]: "all" });
  await commit(world, { member });
  await commit(world, { member, topic: "other" });
  await world.environment.advance(1.5 * MINUTE_MS);
  assertEquals(await committed(world), ["t-0@42"]);
  await world.environment.advance(0.75 * MINUTE_MS);
  assertEquals(await listed(world), ["g Empty classic"]);
  assertEquals(await committed(world), ["t-0@42"]);
  await world.environment.advance(MINUTE_MS);
  assertEquals(await listed(world), []);
});
