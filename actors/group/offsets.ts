/**
 * OffsetCommit, OffsetFetch, OffsetDelete.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Group } from "./group.ts";
import type { Ground } from "./ground.ts";
import type { FetchedOffset, GroupMessage, MemberIdentity, TopicPartition } from "./messages.ts";
import type { PayloadOf, ReplyOf } from "../core/message.ts";
import { offsetRecord, offsetTombstone } from "./records.ts";
import { checkGeneration } from "./sessions.ts";
import { CONSUMER_PROTOCOL_TYPE } from "./subscription.ts";

type Commit = PayloadOf<GroupMessage, "commitOffsets">;
type Fetch = PayloadOf<GroupMessage, "fetchOffsets">;
/** What there is to write of a commit. */
type Written = Pick<Commit, "groupId" | "retentionMs" | "offsets">;

/** OffsetCommit. Returns each offset's outcome, in their order. */
export function commitOffsets(
  commit: Commit,
  ground: Ground,
): readonly (ErrorName | null)[] {
  const { groups, decisions } = ground;
  const known = groups.get(commit.groupId);
  if (!known && commit.generation >= 0) {
    throw new KafkaError(commit.unknownGroup, `There is no group "${commit.groupId}"`);
  }
  if (known) checkCommitter(known, commit);
  const { records, outcomes } = recordsOf(commit, ground);
  decisions.append(records);
  return outcomes;
}

/**
 * The records of a commit, and each offset's outcome, in their order.
 *
 * @throws KafkaError INVALID_COMMIT_OFFSET_SIZE when they cannot be written in one append
 */
export function recordsOf(
  commit: Written,
  { config, decisions, environment }: Ground,
): { readonly records: readonly Decision[]; readonly outcomes: readonly (ErrorName | null)[] } {
  const metadataMax = config().int("offset.metadata.max.bytes");
  const commitTimestampMs = environment.clock.now();
  const expireTimestampMs = commit.retentionMs === null
    ? null
    : Math.min(commitTimestampMs + commit.retentionMs, Number.MAX_SAFE_INTEGER); // for ever
  const records: Decision[] = [];
  const outcomes = commit.offsets.map((place): ErrorName | null => {
    const { offset, leaderEpoch, metadata, topicId } = place;
    if (metadata.length > metadataMax) return "OFFSET_METADATA_TOO_LARGE";
    const committed = {
      offset,
      leaderEpoch,
      metadata,
      commitTimestampMs,
      expireTimestampMs,
      topicId,
    };
    records.push(offsetRecord(commit.groupId, place, committed));
    return null;
  });
  if (!decisions.fits(records)) {
    throw new KafkaError(
      "INVALID_COMMIT_OFFSET_SIZE",
      `${records.length} offsets do not fit one append: commit fewer at a time`,
    );
  }
  return { records, outcomes };
}

/** Who may commit. (Kafka: `ClassicGroup.validateOffsetCommit`.) */
function checkCommitter(group: Group, commit: Commit): void {
  const { memberId, instanceId, generation } = commit;
  const empty = group.stateName === "Empty";
  if (empty && generation < 0) return;
  if (generation < 0 && memberId === "" && instanceId === null) {
    throw new KafkaError(
      "UNKNOWN_MEMBER_ID",
      `Group "${group.id}" has members: only they commit its offsets`,
    );
  }
  const member = group.speaker(commit);
  checkGeneration(group, generation);
  // The member learns of the new generation before it may move offsets in it.
  if (group.stateName === "CompletingRebalance") throw new KafkaError("REBALANCE_IN_PROGRESS");
  member.session.set(member.sessionTimeoutMs);
}

/**
 * Who may commit within a transaction: also somebody who is no member and does not say so, whoever has no generation in an
 * empty group, and whoever was a member when the group began to rebalance (KIP-447). (Kafka: `ClassicGroup.validateOffsetCommit`.)
 */
export function checkTransactionalCommitter(
  group: Group,
  commit: MemberIdentity & { readonly generation: number },
): void {
  const { memberId, instanceId, generation } = commit;
  if (generation < 0 && group.stateName === "Empty") return;
  if (generation < 0 && memberId === "" && instanceId === null) return;
  const member = group.speaker(commit);
  checkGeneration(group, generation);
  member.session.set(member.sessionTimeoutMs);
}

const NOTHING_COMMITTED = { offset: -1n, leaderEpoch: -1, metadata: "" };

/** OffsetFetch. What was never committed is -1. */
export function fetchOffsets(
  { groupId, topics, requireStable }: Fetch,
  { groups }: Ground,
): ReplyOf<GroupMessage, "fetchOffsets"> {
  const group = groups.get(groupId);
  const wanted = topics ??
    [...group?.offsets.topics() ?? []].map((topic) => ({
      topic,
      partitions: [...group!.offsets.partitionsOf(topic)],
    }));
  return wanted.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition): FetchedOffset => {
      const { offset, leaderEpoch, metadata } = group?.offsets.get(topic, partition) ??
        NOTHING_COMMITTED;
      const unstable = requireStable && groups.pending.has(groupId, { topic, partition });
      return { partition, offset, leaderEpoch, metadata, unstable };
    }),
  }));
}

/** OffsetDelete. Returns each offset's outcome, in their order. */
export function deleteOffsets(
  groupId: string,
  offsets: readonly TopicPartition[],
  { groups, decisions }: Ground,
): readonly (ErrorName | null)[] {
  const group = groups.get(groupId);
  if (!group) throw unknownGroup(groupId);
  if (group.stateName !== "Empty" && group.protocolType !== CONSUMER_PROTOCOL_TYPE) {
    throw new KafkaError("NON_EMPTY_GROUP", `Group "${groupId}" has members`);
  }
  const consumed = new Map<string, boolean>();
  const records: Decision[] = [];
  const outcomes = offsets.map((place) => {
    const { topic, partition } = place;
    if (!consumed.has(topic)) consumed.set(topic, group.consumes(topic));
    if (consumed.get(topic)) return "GROUP_SUBSCRIBED_TO_TOPIC";
    // Offsets of transactions that have not ended would come back with their end. (Kafka: `deleteOffsets`.)
    const isThere = group.offsets.get(topic, partition) || groups.pending.has(groupId, place);
    if (isThere) records.push(offsetTombstone(groupId, place));
    return null;
  });
  decisions.appendAll(records);
  return outcomes;
}

/** GROUP_ID_NOT_FOUND. */
export function unknownGroup(groupId: string): KafkaError {
  return new KafkaError("GROUP_ID_NOT_FOUND", `Group ${groupId} not found.`);
}
