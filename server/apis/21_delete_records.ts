import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../../protocol/messages/21_delete_records.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { outcomeError } from "../errors.ts";
import { answerPartitions } from "../item_turns.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, lookedUp, topicNamed } from "../topics.ts";

type PartitionAnswer = Draft<typeof deleteRecordsResponse>["topics"][number]["partitions"][number];

/** What is answered in place of an offset where there is none. */
const NO_OFFSET = -1n;
/** Made once, as it may be the answer for very many partitions. */
const INTERNAL = new KafkaError("INVALID_TOPIC_EXCEPTION");

/**
 * DeleteRecords: raises the first offset of partitions (KIP-107).
 * - v2: flexible
 */
export const deleteRecords = defineApi({
  name: "DeleteRecords",
  key: 21,
  versions: [0, 2],
  request: deleteRecordsRequest,
  response: deleteRecordsResponse,

  async handle({ topics, timeoutMs }, context) {
    const deadlineMs = deadlineOf(timeoutMs);
    const answers = await answerPartitions(topics, context.broker.environment.timers, {
      partitions: ({ partitions }) => partitions,
      topic: ({ name }) => {
        const topic = lookedUp(() => topicToCut(name, context));
        return (wanted) => deleteBefore(topic, wanted, deadlineMs, context);
      },
    });
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name }, at) => ({ name, partitions: answers[at] })),
    };
  },

  refuse: ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => failed(partitionIndex, error)),
    })),
  }),
});

/** @throws KafkaError when there is no such topic, or its records are not the client's to delete */
function topicToCut(name: string, context: RequestContext): TopicImage {
  authorize(context, "Delete", "Topic", name);
  return topicNamed(name, context.broker.metadata());
}

async function deleteBefore(
  topic: () => TopicImage,
  { partitionIndex, offset }: { readonly partitionIndex: number; readonly offset: bigint },
  deadlineMs: number,
  context: RequestContext,
): Promise<PartitionAnswer> {
  try {
    const { id, internal } = checkPartition(partitionIndex, topic());
    if (internal) throw INTERNAL;
    const { logStartOffset } = await context.broker.partition(id, partitionIndex).ask(
      "deleteRecords",
      { beforeOffset: Number(offset) },
      { deadlineMs },
    );
    return { partitionIndex, lowWatermark: BigInt(logStartOffset), errorCode: 0 };
  } catch (error) {
    return failed(partitionIndex, outcomeError(error, "DeleteRecords", context));
  }
}

function failed(partitionIndex: number, { code }: KafkaError): PartitionAnswer {
  return { partitionIndex, lowWatermark: NO_OFFSET, errorCode: code };
}
