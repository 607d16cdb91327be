import {
  EARLIEST,
  EARLIEST_LOCAL,
  EARLIEST_PENDING_UPLOAD,
  LATEST,
  LATEST_TIERED,
  MAX_TIMESTAMP,
} from "../../actors/partition/messages.ts";
import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type ListOffsetsRequest,
  listOffsetsRequest,
  listOffsetsResponse,
} from "../../protocol/messages/02_list_offsets.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { outcomeError } from "../errors.ts";
import { isolationOf } from "../isolation.ts";
import { answerPartitions } from "../item_turns.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, lookedUp, repeated, topicNamed } from "../topics.ts";

/** The version that each special timestamp came with. */
const SINCE: ReadonlyMap<number, number> = new Map([
  [LATEST, 0],
  [EARLIEST, 0],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
]);
/** Answers say from this version on which epoch an offset was written in. */
const LEADER_EPOCH_VERSION = 4;
/** The request says from this version on how long it may take. */
const TIMEOUT_VERSION = 10;

/** Made once, as it may be the answer for very many partitions. */
const REPEATED = new KafkaError("INVALID_REQUEST");
const UNKNOWN_TIMESTAMP = new KafkaError("UNSUPPORTED_VERSION");

type WantedTopic = ListOffsetsRequest["topics"][number];
type WantedPartition = WantedTopic["partitions"][number];
type PartitionAnswer = Draft<typeof listOffsetsResponse>["topics"][number]["partitions"][number];

/**
 * ListOffsets: the offsets of points in time, and of the ends of the log.
 * - v1: one offset per partition
 * - v2: isolation level
 * - v4: leader epochs
 * - v6: flexible
 * - v7: the record with the largest timestamp (-3)
 * - v8, v9, v11: tiered storage (-4, -5, -6), which is not there: -4 is the earliest, the others find nothing
 * - v10: timeout
 */
export const listOffsets = defineApi({
  name: "ListOffsets",
  key: 2,
  versions: [1, 11],
  request: listOffsetsRequest,
  response: listOffsetsResponse,

  async handle(request, context) {
    const isolation = isolationOf(request.isolationLevel);
    const deadlineMs = context.apiVersion >= TIMEOUT_VERSION
      ? deadlineOf(request.timeoutMs)
      : undefined;
    const lookUp = ({ name, partitions }: WantedTopic) => {
      const twice = repeated(partitions.map(({ partitionIndex }) => partitionIndex));
      const topic = topicToRead(name, context);
      return async (wanted: WantedPartition): Promise<PartitionAnswer> => {
        const { partitionIndex, currentLeaderEpoch } = wanted;
        try {
          if (twice.has(partitionIndex)) throw REPEATED;
          const timestamp = timestampOf(wanted, context);
          const { id } = checkPartition(partitionIndex, topic());
          const found = await context.broker.partition(id, partitionIndex).ask(
            "listOffset",
            { timestamp, isolation, currentLeaderEpoch },
            { deadlineMs },
          );
          return {
            partitionIndex,
            errorCode: 0,
            timestamp: BigInt(found.timestampMs),
            offset: BigInt(found.offset),
            ...(context.apiVersion >= LEADER_EPOCH_VERSION && { leaderEpoch: found.leaderEpoch }),
          };
        } catch (error) {
          return failed(wanted, outcomeError(error, "ListOffsets", context));
        }
      };
    };
    const answers = await answerPartitions(request.topics, context.broker.environment.timers, {
      partitions: ({ partitions }) => partitions,
      topic: lookUp,
    });
    return {
      topics: request.topics.map(({ name }, at) => ({ name, partitions: answers[at] })),
    };
  },

  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => failed(partition, error)),
    })),
  }),
});

function topicToRead(name: string, context: RequestContext): () => TopicImage {
  return lookedUp(() => {
    authorize(context, "Describe", "Topic", name);
    return topicNamed(name, context.broker.metadata());
  });
}

/** @throws KafkaError UNSUPPORTED_VERSION for a special timestamp that the version does not have */
function timestampOf({ timestamp }: WantedPartition, { apiVersion }: RequestContext): number {
  const asked = Number(timestamp);
  if (asked < 0 && !(apiVersion >= (SINCE.get(asked) ?? Infinity))) {
    throw UNKNOWN_TIMESTAMP;
  }
  return asked;
}

function failed({ partitionIndex }: WantedPartition, { code }: KafkaError): PartitionAnswer {
  return { partitionIndex, errorCode: code };
}
