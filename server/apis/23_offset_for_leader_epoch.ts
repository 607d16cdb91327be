import {
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
} from "../../protocol/messages/23_offset_for_leader_epoch.ts";
import { defineApi } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, topicNamed } from "../topics.ts";

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
    return {
      topics: await Promise.all(topics.map(async ({ topic: name, partitions }) => ({
        topic: name,
        partitions: await Promise.all(
          partitions.map(async ({ partition, leaderEpoch, currentLeaderEpoch }) => {
            try {
              authorize(context, "Describe", "Topic", name);
              const topic = topicNamed(name, context.broker.metadata());
              checkPartition(partition, topic);
              const end = await context.broker.partition(topic.id, partition)
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
          }),
        ),
      }))),
    };
  },

  refuse: ({ topics }, { code }) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: code })),
    })),
  }),
});
