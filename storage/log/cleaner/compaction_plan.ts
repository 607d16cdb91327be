/**
 * Which partitions are due for compaction. The rules are those of Kafka's `LogCleanerManager`, with a part in a closed
 * segment where Kafka has a segment.
 *
 * @module
 */
import type { TopicConfig } from "../../../config/topic_config.ts";
import type { ClosedPart, PartitionIndex } from "../partition_index.ts";

/** The settings that compaction goes by. */
export type CompactionRules = Pick<
  TopicConfig,
  | "cleanupPolicy"
  | "minCleanableDirtyRatio"
  | "minCompactionLagMs"
  | "maxCompactionLagMs"
  | "deleteRetentionMs"
>;

/** A partition that is to be compacted. */
export interface CompactionPlan {
  readonly index: PartitionIndex;
  readonly config: CompactionRules;
  /** Records from here on may repeat earlier keys. */
  readonly dirtyFrom: number;
  /** Records from here on are left alone: they are young, or belong to open transactions. */
  readonly endOffset: number;
  /**
   * The last record of the log when the plan was made. It stays, whatever it is, so that who reads on comes to the end. (In
   * Kafka it is in the active segment.)
   */
  readonly lastOffset: number;
  /** Every part that lies before. */
  readonly parts: readonly ClosedPart[];
  /** 0 to 1: how much of these parts has not been compacted yet. */
  readonly dirtyRatio: number;
}

/** The plan of a partition, whether it is due or not; null when there is nothing to do. */
export function compactionPlan(
  index: PartitionIndex,
  config: CompactionRules,
  nowMs: number,
): CompactionPlan | null {
  const parts = index.closed.slice(0, cleanableParts(index, config, nowMs))
    .filter(({ endOffset }) => endOffset > index.logStartOffset);
  return planOver(index, config, parts);
}

/** The plan for what lies in front of these segments; null when there is nothing to do. */
export function planBefore(
  plan: CompactionPlan,
  segments: ReadonlySet<number>,
): CompactionPlan | null {
  const count = plan.parts.findIndex(({ segment }) => segments.has(segment));
  if (count < 0) return plan;
  const front = planOver(plan.index, plan.config, plan.parts.slice(0, count));
  return front && requireDirty({ ...front, endOffset: Math.min(front.endOffset, plan.endOffset) });
}

/** Null when nothing is dirty of what may be compacted. */
export function requireDirty(plan: CompactionPlan): CompactionPlan | null {
  return Math.min(plan.endOffset, plan.lastOffset) > plan.dirtyFrom ? plan : null;
}

function planOver(
  index: PartitionIndex,
  config: CompactionRules,
  parts: readonly ClosedPart[],
): CompactionPlan | null {
  const firstDirty = parts.find((part) => part.dirtyFrom < part.endOffset);
  if (!firstDirty) return null;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const dirtyBytes = parts.reduce((sum, part) => sum + dirtyBytesOf(part), 0);
  return {
    index,
    config,
    dirtyFrom: firstDirty.dirtyFrom,
    endOffset: parts.at(-1)!.endOffset,
    lastOffset: index.endOffset - 1,
    parts,
    dirtyRatio: bytes === 0 ? 0 : dirtyBytes / bytes,
  };
}

/** Whether compaction is worth it, or must not wait any longer. */
export function isDue(
  { parts, dirtyRatio, config }: CompactionPlan,
  nowMs: number,
): boolean {
  const firstDirty = parts.find((part) => part.dirtyFrom < part.endOffset)!;
  const { firstTimestampMs } = firstDirty;
  const tooOld = firstTimestampMs >= 0 && nowMs - firstTimestampMs > config.maxCompactionLagMs;
  return dirtyRatio > config.minCleanableDirtyRatio || dirtyRatio > 0 && tooOld;
}

/** How many closed parts may be compacted: none from the first on that is younger than `min.compaction.lag.ms`. */
function cleanableParts(
  { closed }: PartitionIndex,
  config: CompactionRules,
  nowMs: number,
): number {
  if (config.minCompactionLagMs <= 0) return closed.length;
  const young = closed.findIndex(({ maxTimestampMs }) =>
    maxTimestampMs > nowMs - config.minCompactionLagMs
  );
  return young < 0 ? closed.length : young;
}

/** Bytes of a part that were not compacted yet, by its share of offsets. */
function dirtyBytesOf({ firstOffset, dirtyFrom, endOffset, bytes }: ClosedPart): number {
  return endOffset === firstOffset
    ? 0
    : bytes * (endOffset - dirtyFrom) / (endOffset - firstOffset);
}
