import type { FetchedOffset } from "../../actors/group/messages.ts";
import { ERROR_CODES } from "../../protocol/errors.ts";
import {
  type OffsetFetchRequest,
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerItems } from "../item_turns.ts";
import { namedOnce, union } from "../named_once.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";

/** From this version on an error of the whole group has a field of its own. */
const GROUP_ERROR_VERSION = 2;
/** From this version on several groups are asked for at once (KIP-709). */
const BATCH_VERSION = 8;
/** From this version on topics are named by their ids (KIP-848). */
const TOPIC_ID_VERSION = 10;

type Groups = NonNullable<Draft<typeof offsetFetchResponse>["groups"]>;
type FetchedGroup = Groups[number];
type FetchedTopic = FetchedGroup["topics"][number];
type WantedGroup = Pick<OffsetFetchRequest["groups"][number], "groupId" | "topics">;
type WantedTopic = NonNullable<WantedGroup["topics"]>[number];

/**
 * OffsetFetch: tells how far groups have read.
 * - v2: all topics, and an error of the whole group
 * - v5: leader epochs (KIP-320)
 * - v6: flexible
 * - v7: UNSTABLE_OFFSET_COMMIT for offsets that an open transaction may change, if asked for (KIP-447)
 * - v8: several groups at once
 * - v9: member and epoch, of groups of the next protocol
 * - v10: topic ids
 */
export const offsetFetch = defineApi({
  name: "OffsetFetch",
  key: 9,
  versions: [1, 10],
  request: offsetFetchRequest,
  response: offsetFetchResponse,

  async handle({ groupId, topics, groups, requireStable }, context) {
    if (context.apiVersion >= BATCH_VERSION) {
      const { timers } = context.broker.environment;
      const wanted = namedOnce<WantedGroup>(groups, ({ groupId }) => groupId, mergedGroup);
      const fetched = (group: WantedGroup) => fetchOrRefuse(group, requireStable, context);
      return { throttleTimeMs: 0, groups: await answerItems(wanted, timers, fetched) };
    }
    const wanted = topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
    const fetched = await fetchGroup({ groupId, topics: wanted }, requireStable, context);
    return { throttleTimeMs: 0, errorCode: 0, topics: fetched.topics.map(named) };
  },

  refuse({ topics, groups }, { code }, { apiVersion }) {
    if (apiVersion >= BATCH_VERSION) {
      return { throttleTimeMs: 0, groups: groups.map((group) => refused(group, code)) };
    }
    if (apiVersion >= GROUP_ERROR_VERSION) {
      return { throttleTimeMs: 0, errorCode: code, topics: [] };
    }
    return {
      topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partition) => unfetched(partition, code)),
      })),
    };
  },
});

/** One group that is named several times, with all the topics that are asked for; null asks for all. */
function mergedGroup(same: readonly WantedGroup[]): WantedGroup {
  const lists = same.map(({ topics }) => topics).filter((list) => list !== null);
  return { ...same[0], topics: lists.length < same.length ? null : lists.flat() };
}

function topicsOnce(topics: readonly WantedTopic[]): WantedTopic[] {
  return namedOnce(topics, ({ name, topicId }) => `${topicId}/${name}`, (same) => ({
    ...same[0],
    partitionIndexes: union(same.map(({ partitionIndexes }) => partitionIndexes)),
  }));
}

async function fetchOrRefuse(
  group: WantedGroup,
  requireStable: boolean,
  context: RequestContext,
): Promise<FetchedGroup> {
  try {
    return await fetchGroup(group, requireStable, context);
  } catch (error) {
    return refused(group, outcomeError(error, "OffsetFetch", context).code);
  }
}

async function fetchGroup(
  { groupId, topics }: WantedGroup,
  requireStable: boolean,
  context: RequestContext,
): Promise<FetchedGroup> {
  authorize(context, "Describe", "Group", groupId);
  const coordinator = context.broker.coordinators.group(groupId);
  const wanted = topics && topicsOnce(topics);
  const checked = wanted?.map((topic) => ({ topic, ...nameOf(topic, context) })) ?? null;
  const fetched = await coordinator.ask("fetchOffsets", {
    groupId,
    requireStable,
    topics: checked?.flatMap(({ topic, name }) =>
      name === null ? [] : [{ topic: name, partitions: topic.partitionIndexes }]
    ) ?? null,
  });
  if (checked === null) {
    return { groupId, topics: visible(fetched, context), errorCode: 0 };
  }
  let next = 0;
  return {
    groupId,
    errorCode: 0,
    topics: checked.map(({ topic, name, refusal }) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: name === null
        ? topic.partitionIndexes.map((partition) => unfetched(partition, refusal))
        : fetched[next++].partitions.map(shape),
    })),
  };
}

/** The topic's name, or why nothing is told of it. */
function nameOf(
  topic: WantedTopic,
  context: RequestContext,
): { readonly name: string; readonly refusal: 0 } | {
  readonly name: null;
  readonly refusal: number;
} {
  const byId = context.apiVersion >= TOPIC_ID_VERSION;
  const name = byId ? context.broker.metadata().topicsById.get(topic.topicId)?.name : topic.name;
  if (name === undefined) return { name: null, refusal: ERROR_CODES.UNKNOWN_TOPIC_ID.code };
  if (!isAllowed(context, "Describe", "Topic", name)) {
    return { name: null, refusal: ERROR_CODES.TOPIC_AUTHORIZATION_FAILED.code };
  }
  return { name, refusal: 0 };
}

/** All topics of a group that the client may see, and can be told in its version. */
function visible(
  topics: readonly { readonly topic: string; readonly partitions: readonly FetchedOffset[] }[],
  context: RequestContext,
): FetchedTopic[] {
  const metadata = context.broker.metadata();
  return topics.flatMap(({ topic, partitions }) => {
    const topicId = metadata.topics.get(topic)?.id;
    const hidden = topicId === undefined && context.apiVersion >= TOPIC_ID_VERSION ||
      !isAllowed(context, "Describe", "Topic", topic);
    return hidden
      ? []
      : [{ name: topic, topicId: topicId ?? ZERO_UUID, partitions: partitions.map(shape) }];
  });
}

function shape({ partition, offset, leaderEpoch, metadata, unstable }: FetchedOffset) {
  if (unstable) return unfetched(partition, ERROR_CODES.UNSTABLE_OFFSET_COMMIT.code);
  return {
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode: 0,
  };
}

function unfetched(partitionIndex: number, errorCode: number) {
  return { partitionIndex, committedOffset: -1n, metadata: "", errorCode };
}

function refused({ groupId }: WantedGroup, errorCode: number): FetchedGroup {
  return { groupId, topics: [], errorCode };
}

function named({ name = "", partitions }: FetchedTopic) {
  return { name, partitions };
}
