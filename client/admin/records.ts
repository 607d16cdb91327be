import { KafkaError } from "../../protocol/errors.ts";
import { DELETE_RECORDS } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { byLeader } from "../cluster/list_offsets.ts";
import { errorFrom } from "../errors.ts";
import { byTopic, partitionKey, type TopicPartition } from "../topic_partition.ts";

/** A partition, and what of it may go. */
export interface RecordsToDelete extends TopicPartition {
  /** Records below this offset are deleted; `"latest"` = all that can be read now. */
  readonly beforeOffset: bigint | "latest";
}

/** A partition, and where its log begins now. */
export interface DeletedRecords extends TopicPartition {
  /** The lowest offset that there is on any replica. */
  readonly lowWatermark: bigint;
}

/** The high watermark, on the wire. */
const LATEST = -1n;

/**
 * Asks the leaders of partitions to delete records, again where that may help.
 *
 * @throws {KafkaError} what a broker says, or REQUEST_TIMED_OUT
 */
export async function deleteRecords(
  cluster: Cluster,
  wanted: readonly RecordsToDelete[],
): Promise<DeletedRecords[]> {
  const timeoutMs = cluster.settings.defaultApiTimeoutMs;
  const done = new Map<string, DeletedRecords>();
  await cluster.retry("delete records", async () => {
    const open = wanted.filter((each) => !done.has(partitionKey(each)));
    const topics = new Set(open.map(({ topic }) => topic));
    await Promise.all([...topics].map((topic) => cluster.metadata.awaitTopic(topic, timeoutMs)));
    const asked = [...byLeader(cluster, open)].map(async ([leaderId, wanted]) => {
      for (const each of await askLeader(cluster, leaderId, wanted)) {
        done.set(partitionKey(each), each);
      }
    });
    const failed = (await Promise.allSettled(asked)).find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    const missing = wanted.find((each) => !done.has(partitionKey(each)));
    if (missing) throw new KafkaError("LEADER_NOT_AVAILABLE", `${partitionKey(missing)} has none`);
  }, timeoutMs);
  return wanted.map((each) => done.get(partitionKey(each))!);
}

async function askLeader(
  cluster: Cluster,
  leaderId: number,
  wanted: readonly RecordsToDelete[],
): Promise<DeletedRecords[]> {
  const topics = [...byTopic(wanted)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ partition, beforeOffset }) => ({
      partitionIndex: partition,
      offset: beforeOffset === "latest" ? LATEST : beforeOffset,
    })),
  }));
  const { requestTimeoutMs } = cluster.settings;
  const answer = await cluster.request(leaderId, DELETE_RECORDS, {
    topics,
    timeoutMs: requestTimeoutMs,
  });
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, lowWatermark, errorCode }) => {
      const error = errorFrom(errorCode);
      if (error === null) return { topic, partition, lowWatermark };
      throw new KafkaError(error.kind, `${partitionKey({ topic, partition })}: ${error.message}`);
    })
  );
}
