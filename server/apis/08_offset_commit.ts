import type { OffsetToCommit } from "../../actors/group/messages.ts";
import { ERROR_CODES, type ErrorName } from "../../protocol/errors.ts";
import {
  type OffsetCommitRequest,
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";

/** From this version on clients know GROUP_ID_NOT_FOUND here (KIP-848). */
const UNKNOWN_GROUP_VERSION = 9;
/** From this version on topics are named by their ids (KIP-848). */
const TOPIC_ID_VERSION = 10;

/**
 * OffsetCommit: stores how far a group has read.
 * - v2: how long the offsets are kept
 * - v5: that is the broker's to say
 * - v6: leader epochs (KIP-320)
 * - v7: static members (KIP-345)
 * - v8: flexible
 * - v9: GROUP_ID_NOT_FOUND for members of a group that is not here
 * - v10: topic ids
 */
export const offsetCommit = defineApi({
  name: "OffsetCommit",
  key: 8,
  versions: [2, 10],
  request: offsetCommitRequest,
  response: offsetCommitResponse,

  async handle(request, context) {
    const { groupId, generationIdOrMemberEpoch, memberId, groupInstanceId, retentionTimeMs } =
      request;
    authorize(context, "Read", "Group", groupId);
    const topics = request.topics.map((topic) => ({ topic, ...checked(topic, context) }));
    const outcomes = await context.broker.coordinators.group(groupId).ask("commitOffsets", {
      groupId,
      generation: generationIdOrMemberEpoch,
      memberId,
      instanceId: groupInstanceId,
      retentionMs: retentionTimeMs < 0n ? null : Number(retentionTimeMs),
      unknownGroup: context.apiVersion >= UNKNOWN_GROUP_VERSION
        ? "GROUP_ID_NOT_FOUND"
        : "ILLEGAL_GENERATION",
      offsets: topics.flatMap(({ offsets }) => offsets),
    });
    let next = 0;
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ topic: { name, topicId, partitions }, refusal }) => ({
        name,
        topicId,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode: codeOf(refusal(partitionIndex) ?? outcomes[next++]),
        })),
      })),
    };
  },

  refuse: ({ topics }, { code }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
    })),
  }),
});

/** What of a topic the coordinator is asked to store, and why not the rest. */
interface CheckedTopic {
  readonly offsets: readonly OffsetToCommit[];
  /** null = none. */
  readonly refusal: (partition: number) => ErrorName | null;
}

function checked(
  topic: OffsetCommitRequest["topics"][number],
  context: RequestContext,
): CheckedTopic {
  const byId = context.apiVersion >= TOPIC_ID_VERSION;
  const metadata = context.broker.metadata();
  const known = byId ? metadata.topicsById.get(topic.topicId) : metadata.topics.get(topic.name);
  if (byId && !known) return { offsets: [], refusal: () => "UNKNOWN_TOPIC_ID" };
  if (!isAllowed(context, "Read", "Topic", known?.name ?? topic.name)) {
    return { offsets: [], refusal: () => "TOPIC_AUTHORIZATION_FAILED" };
  }
  if (!known) return { offsets: [], refusal: () => "UNKNOWN_TOPIC_OR_PARTITION" };
  const refusal = (partition: number): ErrorName | null =>
    partition < 0 || partition >= known.partitionCount ? "UNKNOWN_TOPIC_OR_PARTITION" : null;
  return {
    refusal,
    offsets: topic.partitions
      .filter(({ partitionIndex }) => refusal(partitionIndex) === null)
      .map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
        topic: known.name,
        topicId: known.id,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata ?? "",
      })),
  };
}

function codeOf(outcome: ErrorName | null): number {
  return outcome === null ? 0 : ERROR_CODES[outcome].code;
}
