import type { RecordDraft } from "../../protocol/records/builder.ts";
import type { TopicPartition } from "../topic_partition.ts";

/** Bytes, or text that is sent as UTF-8; null = none. */
export type Content = Uint8Array | string | null;

/** A record to be sent. */
export interface ProducerRecord {
  /** Name of the topic. */
  readonly topic: string;
  /** Chosen by the partitioner if left out. */
  readonly partition?: number;
  /** Records of one key go to one partition. */
  readonly key?: Content;
  /** null = a tombstone: it deletes the key from a compacted topic. */
  readonly value?: Content;
  /** In this order; names may repeat. */
  readonly headers?: readonly { readonly key: string; readonly value: Content }[];
  /** Milliseconds since the Unix epoch; now if left out. */
  readonly timestampMs?: number;
}

/** Where a record went. */
export interface RecordMetadata extends TopicPartition {
  /** Position in the partition's log; -1n with acks 0, or when the broker does not remember it. */
  readonly offset: bigint;
  /** The record's own, or the broker's on topics with LogAppendTime. */
  readonly timestampMs: number;
}

const encoder = new TextEncoder();

/**
 * A record in the form of a batch.
 *
 * @throws {TypeError} when partition or timestamp are no whole numbers from 0 on
 */
export function recordDraft(record: ProducerRecord, nowMs: number): RecordDraft {
  const { timestampMs = nowMs, partition = 0 } = record;
  if (!Number.isInteger(partition) || partition < 0) {
    throw new TypeError(`Cannot produce to partition ${partition} of ${record.topic}`);
  }
  if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
    throw new TypeError(`Cannot use ${timestampMs} as the timestamp of a record`);
  }
  return {
    key: bytesOf(record.key),
    value: bytesOf(record.value),
    headers: record.headers?.map(({ key, value }) => ({ key, value: bytesOf(value) })),
    timestampMs,
  };
}

function bytesOf(content: Content | undefined): Uint8Array | null {
  if (content === undefined || content === null) return null;
  return typeof content === "string" ? encoder.encode(content) : content;
}
