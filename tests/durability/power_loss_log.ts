/** The log that loses its power: what its writer writes, and who looks at it afterwards expects. */
import type { LogOptions } from "../../storage/log/log_store.ts";
import type { PartitionId } from "../../storage/log/partition_log.ts";

/** Small segments, so that many are closed. */
export const LOG_OPTIONS: LogOptions = { segmentBytes: 500_000 };
export const PARTITIONS = 6;

/** Old records of some partitions go while the others' stay: segments are written anew and deleted, pages used again. */
export function hasRetention(partition: number): boolean {
  return partition >= 3;
}

/** A partition of the log. */
export function partitionIdOf(partition: number): PartitionId {
  return { topicId: "xxxxxxxxxxxxxxxxxxxxxA", partition };
}

/** The record at an offset: it tells where it belongs, and how long it should be. */
export function recordText(partition: number, offset: number, length: number): string {
  const head = `${partition}/${offset}/${length} `;
  return head + "x".repeat(Math.max(0, length - head.length));
}

/** Whether a record is the whole one that belongs at an offset. */
export function isRecord(text: string, partition: number, offset: number): boolean {
  const length = Number(text.slice(0, text.indexOf(" ")).split("/")[2]);
  return text === recordText(partition, offset, length);
}
