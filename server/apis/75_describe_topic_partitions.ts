import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type DescribeTopicPartitionsRequest,
  describeTopicPartitionsRequest,
  describeTopicPartitionsResponse,
} from "../../protocol/messages/75_describe_topic_partitions.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { partitionsOf } from "../partitions.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";
import { authorizedOperations } from "../security/operations.ts";
import { topicNamed } from "../topics.ts";

type Answer = Draft<typeof describeTopicPartitionsResponse>;
type TopicAnswer = Answer["topics"][number];
type Cursor = NonNullable<DescribeTopicPartitionsRequest["cursor"]>;

/** DescribeTopicPartitions (KIP-966): topics in the order of their names, page by page. */
export const describeTopicPartitions = defineApi({
  name: "DescribeTopicPartitions",
  key: 75,
  versions: [0, 0],
  request: describeTopicPartitionsRequest,
  response: describeTopicPartitionsResponse,

  handle({ topics, responsePartitionLimit, cursor }, context) {
    if (cursor !== null && cursor.partitionIndex < 0) throw new KafkaError("INVALID_REQUEST");
    const names = topics.length === 0
      ? [...context.broker.metadata().topics.keys()].filter((name) =>
        isAllowed(context, "Describe", "Topic", name)
      )
      : [...new Set(topics.map(({ name }) => name))];
    const ahead = names.sort().filter((name) => cursor === null || name >= cursor.topicName);
    const limit = context.broker.config().int("max.request.partition.size.limit");
    return page(ahead, cursor, Math.max(1, Math.min(responsePartitionLimit, limit)), context);
  },

  refuse: ({ topics }, { code }) => ({
    topics: topics.map(({ name }) => failed(name, code)),
  }),
});

/** Describes topics until `limit` partitions are told. */
function page(
  names: readonly string[],
  cursor: Cursor | null,
  limit: number,
  context: RequestContext,
): Answer {
  const topics: TopicAnswer[] = [];
  let left = limit;
  for (const name of names) {
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0;
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } };
    try {
      authorize(context, "Describe", "Topic", name);
      const topic = topicNamed(name, context.broker.metadata());
      const end = Math.min(topic.partitionCount, from + left);
      topics.push(describe(topic, from, end, context));
      left -= Math.max(0, end - from);
      if (end < topic.partitionCount) {
        return { topics, nextCursor: { topicName: name, partitionIndex: end } };
      }
    } catch (error) {
      topics.push(failed(name, outcomeError(error, "DescribeTopicPartitions", context).code));
    }
  }
  return { topics, nextCursor: null };
}

function describe(
  topic: TopicImage,
  from: number,
  end: number,
  context: RequestContext,
): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: partitionsOf(topic, context.broker, from, end).map((partition) => ({
      ...partition,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })),
    topicAuthorizedOperations: authorizedOperations(context, "Topic", topic.name),
  };
}

function failed(name: string, errorCode: number): TopicAnswer {
  return { errorCode, name, partitions: [] };
}
