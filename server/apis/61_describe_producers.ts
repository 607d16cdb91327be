import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import type { KafkaError } from "../../protocol/errors.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../protocol/messages/61_describe_producers.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerPartitions } from "../item_turns.ts";
import { namedOnce, union } from "../named_once.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, lookedUp, topicNamed } from "../topics.ts";

type PartitionAnswer = Draft<
  typeof describeProducersResponse
>["topics"][number]["partitions"][number];

/** DescribeProducers: the idempotent and transactional producers that partitions know of (KIP-664). */
export const describeProducers = defineApi({
  name: "DescribeProducers",
  key: 61,
  versions: [0, 0],
  request: describeProducersRequest,
  response: describeProducersResponse,

  async handle({ topics }, context) {
    const wanted = namedOnce(topics, ({ name }) => name, (same) => ({
      ...same[0],
      partitionIndexes: union(same.map(({ partitionIndexes }) => partitionIndexes)),
    }));
    const answers = await answerPartitions(wanted, context.broker.environment.timers, {
      partitions: ({ partitionIndexes }) => partitionIndexes,
      topic: ({ name }) => {
        const topic = lookedUp(() => {
          authorize(context, "Read", "Topic", name);
          return topicNamed(name, context.broker.metadata());
        });
        return (index) => describePartition(topic, index, context);
      },
    });
    return {
      throttleTimeMs: 0,
      topics: wanted.map(({ name }, at) => ({ name, partitions: answers[at] })),
    };
  },

  refuse: ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => failed(index, error)),
    })),
  }),
});

async function describePartition(
  topic: () => TopicImage,
  partitionIndex: number,
  context: RequestContext,
): Promise<PartitionAnswer> {
  try {
    const { id } = checkPartition(partitionIndex, topic());
    const producers = await context.broker.partition(id, partitionIndex)
      .ask("describeProducers", {});
    return {
      partitionIndex,
      errorCode: 0,
      activeProducers: producers.map((producer) => ({
        producerId: producer.producerId,
        producerEpoch: producer.producerEpoch,
        lastSequence: producer.lastSequence,
        lastTimestamp: BigInt(producer.lastTimestampMs),
        coordinatorEpoch: producer.coordinatorEpoch,
        currentTxnStartOffset: BigInt(producer.currentTxnStartOffset),
      })),
    };
  } catch (error) {
    return failed(partitionIndex, outcomeError(error, "DescribeProducers", context));
  }
}

function failed(partitionIndex: number, { code, message }: KafkaError): PartitionAnswer {
  return { partitionIndex, errorCode: code, errorMessage: message, activeProducers: [] };
}
