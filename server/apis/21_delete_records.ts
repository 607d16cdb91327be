import { KafkaError } from "../../protocol/errors.ts";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../../protocol/messages/21_delete_records.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { outcomeError } from "../errors.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, topicNamed } from "../topics.ts";

type PartitionAnswer = Draft<typeof deleteRecordsResponse>["topics"][number]["partitions"][number];

/** What is answered in place of an offset where there is none. */
const NO_OFFSET = -1n;

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
    return {
      throttleTimeMs: 0,
      topics: await Promise.all(topics.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map((wanted) => deleteBefore(name, wanted, deadlineMs, context)),
        ),
      }))),
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

async function deleteBefore(
  name: string,
  { partitionIndex, offset }: { readonly partitionIndex: number; readonly offset: bigint },
  deadlineMs: number,
  context: RequestContext,
): Promise<PartitionAnswer> {
  try {
    authorize(context, "Delete", "Topic", name);
    const topic = topicNamed(name, context.broker.metadata());
    checkPartition(partitionIndex, topic);
    if (topic.internal) throw new KafkaError("INVALID_TOPIC_EXCEPTION");
    const { logStartOffset } = await context.broker.partition(topic.id, partitionIndex).ask(
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
