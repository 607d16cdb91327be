/**
 * What a check finds.
 *
 * @module
 */

/** A stored value that is not what was written, or that is missing. */
export interface DamagedValue {
  /** `meta`, `log-0`, … */
  readonly store: string;
  /** The key, readable: `c 0 17 2`. */
  readonly name: string;
  readonly key: Uint8Array;
  /** What is wrong, as a sentence without its full stop. */
  readonly what: string;
}

/** Offsets of a partition that cannot be read. */
export interface DamagedOffsets {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly why: string;
}

/** A partition with data. */
export interface CheckedPartition {
  readonly topicId: string;
  /** Null when the metadata does not know the topic, or cannot be read. */
  readonly topic: string | null;
  readonly partition: number;
  readonly shard: number;
  readonly logStartOffset: number;
  /** The offset after the last one. */
  readonly endOffset: number;
  /** In order of offsets; none = sound. */
  readonly damaged: readonly DamagedOffsets[];
}

/** Values that nothing leads to: of work that was never finished, or that is to be deleted. */
export interface OrphanedValues {
  readonly store: string;
  readonly what: string;
  readonly keys: readonly Uint8Array[];
  readonly bytes: number;
}

/** What a check found in a data folder. */
export interface CheckReport {
  /** Values looked at, and their bytes. */
  readonly values: number;
  readonly bytes: number;
  readonly damage: readonly DamagedValue[];
  readonly partitions: readonly CheckedPartition[];
  readonly orphans: readonly OrphanedValues[];
}

/** Whether everything that was stored can be read. Orphans do no harm. */
export function isSound({ damage, partitions }: CheckReport): boolean {
  return damage.length === 0 && partitions.every(({ damaged }) => damaged.length === 0);
}
