import type { RecordHeader } from "../../protocol/records/records.ts";
import type { TopicPartition } from "../topic_partition.ts";

export type { RecordHeader };

/** A record that was read. Key, value and headers are views into what was fetched: copy what is to be kept long. */
export interface ConsumerRecord extends TopicPartition {
  /** Position in the partition's log. */
  readonly offset: bigint;
  /** Milliseconds since the Unix epoch; -1 = none. */
  readonly timestampMs: number;
  /** Who set the timestamp: the producer, or the broker on arrival. */
  readonly timestampType: "CreateTime" | "LogAppendTime";
  /** null = none. */
  readonly key: Uint8Array | null;
  /** null = a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order of the producer; names may repeat. */
  readonly headers: readonly RecordHeader[];
  /** Epoch of the leader that took the record; -1 = unknown. */
  readonly leaderEpoch: number;
}
