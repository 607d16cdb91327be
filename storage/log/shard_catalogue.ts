/**
 * What a shard knows of its partitions and segments without reading data.
 *
 * @module
 */
import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";
import { PartitionIndex, partitionName } from "./partition_index.ts";
import type { PartitionId } from "./partition_log.ts";
import type { SegmentHead } from "./segment_summary.ts";

/** A closed segment. */
export interface SegmentState extends SegmentHead {
  /** Bytes of batches that a partition still has here. */
  liveBytes: number;
}

/** Partitions that were removed, and what is left of them. */
export interface Tombstone {
  readonly number: number;
  /** The segment that was open then: it may hold batches of these partitions, and all before it. */
  readonly openSegment: number;
  readonly ids: readonly PartitionId[];
}

/** Which segment is being filled: what HEAD says of a shard. */
export interface OpenSegment {
  readonly segment: number;
  /** The first commit that belongs to it. */
  readonly firstSequence: number;
}

/** Partitions, segments and tombstones of one shard. */
export class ShardCatalogue {
  readonly partitions = new Map<string, PartitionIndex>();
  readonly segments = new Map<number, SegmentState>();
  readonly tombstones = new Map<number, Tombstone>();
  /** Removed partitions that a closed segment still has, by segment. */
  readonly dirty = new Map<number, Set<string>>();
  /** As HEAD says. */
  head: OpenSegment;
  /** Partitions with batches in the segment that is being filled. */
  touched = new Set<PartitionIndex>();
  /** Bytes of the chunks in the segment that is being filled, and batches. */
  openBytes = 0;
  openBatches = 0;

  constructor(head: OpenSegment) {
    this.head = head;
  }

  index(id: PartitionId): PartitionIndex {
    const name = partitionName(id);
    let index = this.partitions.get(name);
    if (!index) this.partitions.set(name, index = new PartitionIndex(id));
    return index;
  }

  noteDirty(segment: number, name: string): void {
    const names = this.dirty.get(segment);
    if (names) names.add(name);
    else this.dirty.set(segment, new Set([name]));
  }

  /** Forgets a removed partition. What is left of it in closed segments is noted for the sweep. */
  drop(index: PartitionIndex): void {
    const name = partitionName(index.id);
    this.partitions.delete(name);
    for (const { segment, bytes } of index.closed) {
      this.noteDirty(segment, name);
      const state = this.segments.get(segment);
      if (state) state.liveBytes -= bytes;
    }
  }
}

const STATE_VERSION = 1;

/** HEAD's state of a shard. */
export function encodeOpenSegment({ segment, firstSequence }: OpenSegment): Uint8Array {
  const writer = new ByteWriter(20);
  writer.uint8(STATE_VERSION);
  writer.varint(segment);
  writer.varint(firstSequence);
  return seal(writer);
}

/**
 * HEAD's state of a shard; that of a new shard is empty.
 *
 * @throws RangeError when it is damaged or has an unknown version.
 */
export function decodeOpenSegment(state: Uint8Array): OpenSegment {
  if (state.length === 0) return { segment: 0, firstSequence: 0 };
  const reader = unseal(state, STATE_VERSION, "HEAD of a shard");
  return { segment: reader.varint(), firstSequence: reader.varint() };
}
