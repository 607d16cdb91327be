import { errorFrom, isRetriable } from "../errors.ts";
import { LIST_OFFSETS } from "../apis.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { byTopic, partitionKey, type TopicPartition } from "../topic_partition.ts";
import type { Cluster } from "./cluster.ts";

/** What a reader sees: everything, or only what is outside of transactions that are open or were aborted. */
export type IsolationLevel = "read_uncommitted" | "read_committed";

/** A place in a log: its first record, its end, the record with the largest timestamp, or the first from a time on. */
export type OffsetSpec = "earliest" | "latest" | "maxTimestamp" | {
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
};

/** A partition, and which of its offsets is asked for. */
export interface OffsetQuestion extends TopicPartition {
  /** Which one. */
  readonly at: OffsetSpec;
}

/** An offset that was asked for. */
export interface FoundOffset extends TopicPartition {
  /** -1n when no record is that young. */
  readonly offset: bigint;
  /** That of the record, or -1. */
  readonly timestampMs: number;
  /** -1 = unknown. */
  readonly leaderEpoch: number;
}

/** What a leader answered about one partition. */
export interface OffsetAnswer extends FoundOffset {
  /** Why there is no offset; null when there is one. */
  readonly error: KafkaError | null;
}

/** What the names stand for on the wire. */
const SPECIAL_TIMESTAMPS = { latest: -1n, earliest: -2n, maxTimestamp: -3n } as const;
/** The first version that knows `maxTimestamp` (KIP-734). */
const MAX_TIMESTAMP_VERSION = 7;

/** The number of an isolation level on the wire. */
export function isolationCode(level: IsolationLevel): number {
  return level === "read_committed" ? 1 : 0;
}

/**
 * Asks the leaders of partitions for offsets, again where that may help.
 *
 * @throws {KafkaError} what a broker says, or REQUEST_TIMED_OUT
 */
export async function listOffsets(
  cluster: Cluster,
  questions: readonly OffsetQuestion[],
  isolation: IsolationLevel,
  timeoutMs: number = cluster.settings.defaultApiTimeoutMs,
): Promise<FoundOffset[]> {
  const found = new Map<string, FoundOffset>();
  await cluster.retry("list offsets", async () => {
    const open = questions.filter((question) => !found.has(partitionKey(question)));
    const topics = new Set(open.map(({ topic }) => topic));
    await Promise.all([...topics].map((topic) => cluster.metadata.awaitTopic(topic, timeoutMs)));
    const errors: unknown[] = [];
    const asked = [...byLeader(cluster, open)].map(async ([leaderId, questions]) => {
      const answers = await askLeader(cluster, leaderId, questions, isolation, timeoutMs);
      for (const { error, ...answer } of answers) {
        if (error === null) found.set(partitionKey(answer), answer);
        else errors.push(error);
      }
    });
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === "rejected") errors.push(outcome.reason);
    }
    if (errors.length > 0) throw errors.find((error) => !isRetriable(error)) ?? errors[0];
    const missing = questions.find((question) => !found.has(partitionKey(question)));
    if (missing) throw new KafkaError("LEADER_NOT_AVAILABLE", `${partitionKey(missing)} has none`);
  }, timeoutMs);
  return questions.map((question) => found.get(partitionKey(question))!);
}

/** Partitions, or anything that has one, by the node that leads them; those without a leader are left out. */
export function byLeader<T extends TopicPartition>(
  { metadata }: Cluster,
  items: readonly T[],
): Map<number, T[]> {
  const leaders = new Map<number, T[]>();
  for (const item of items) {
    const partition = metadata.partition(item.topic, item.partition);
    if (partition === null || partition.leaderId < 0) continue;
    const list = leaders.get(partition.leaderId);
    if (list) list.push(item);
    else leaders.set(partition.leaderId, [item]);
  }
  return leaders;
}

/**
 * Asks one leader for offsets, once.
 *
 * @throws {KafkaError} as `Cluster.request`; what the leader says of a partition is in its answer
 */
export async function askLeader(
  cluster: Cluster,
  leaderId: number,
  questions: readonly OffsetQuestion[],
  isolation: IsolationLevel,
  timeoutMs: number,
): Promise<OffsetAnswer[]> {
  const topics = [...byTopic(questions)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ topic, partition, at }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: cluster.metadata.partition(topic, partition)?.leaderEpoch ?? -1,
      timestamp: typeof at === "string" ? SPECIAL_TIMESTAMPS[at] : BigInt(at.timestampMs),
    })),
  }));
  const needsMaxTimestamp = questions.some(({ at }) => at === "maxTimestamp");
  const answer = await cluster.request(
    leaderId,
    LIST_OFFSETS,
    {
      replicaId: -1,
      isolationLevel: isolationCode(isolation),
      topics,
      timeoutMs: Math.ceil(timeoutMs), // what is left by a clock that knows fractions of milliseconds
    },
    { versionMin: needsMaxTimestamp ? MAX_TIMESTAMP_VERSION : 0 },
  );
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => {
      const place = { topic: name, partition: partition.partitionIndex };
      const error = errorFrom(partition.errorCode);
      return {
        ...place,
        error: error && new KafkaError(error.kind, `${partitionKey(place)}: ${error.message}`),
        offset: partition.offset,
        timestampMs: Number(partition.timestamp),
        leaderEpoch: partition.leaderEpoch,
      };
    })
  );
}
