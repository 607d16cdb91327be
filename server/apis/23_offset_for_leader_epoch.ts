import {
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
} from "../../protocol/messages/23_offset_for_leader_epoch.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerPartitions } from "../item_turns.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, lookedUp, topicNamed } from "../topics.ts";

type PartitionAnswer = Draft<
  typeof offsetForLeaderEpochResponse
>["topics"][number]["partitions"][number];

/**
 * OffsetForLeaderEpoch: where a leader epoch ends (KIP-320), by which consumers notice that a log was cut back.
 * - v2: the client's idea of the current epoch
 * - v3: replica id
 * - v4: flexible
 */
export const offsetForLeaderEpoch = defineApi({
  name: "OffsetForLeaderEpoch",
  key: 23,
  versions: [2, 4],
  request: offsetForLeaderEpochRequest,
  response: offsetForLeaderEpochResponse,

  async handle({ topics }, context) {
    const answers = await answerPartitions(topics, context.broker.environment.timers, {
      partitions: ({ partitions }) => partitions,
      topic: ({ topic: name }) => {
        const topic = lookedUp(() => {
          authorize(context, "Describe", "Topic", name);
          return topicNamed(name, context.broker.metadata());
        });
        return async ({ partition, leaderEpoch, currentLeaderEpoch }): Promise<PartitionAnswer> => {
          try {
            const { id } = checkPartition(partition, topic());
            const end = await context.broker.partition(id, partition)
              .ask("epochEnd", { leaderEpoch, currentLeaderEpoch });
            return {
              partition,
              errorCode: 0,
              leaderEpoch: end.leaderEpoch,
              endOffset: BigInt(end.endOffset),
            };
          } catch (error) {
            const { code } = outcomeError(error, "OffsetForLeaderEpoch", context);
            return { partition, errorCode: code };
          }
        };
      },
    });
    return { topics: topics.map(({ topic }, at) => ({ topic, partitions: answers[at] })) };
  },

  refuse: ({ topics }, { code }) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: code })),
    })),
  }),
});
