/**
 * What a shard knows of its partitions and segments without reading data.
 *
 * @module
 */
import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";
import { CLEANED_FIRST } from "./keys.ts";
import { PartitionIndex, partitionName } from "./partition_index.ts";
import type { PartitionId } from "./partition_log.ts";
import type { SegmentHead } from "./segment_summary.ts";

/** A closed segment. */
export interface SegmentState extends SegmentHead {
  /** The cleaner met damage here, and leaves it as it is. */
  damaged: boolean;
}

/** A segment that counts nothing any more. */
export interface ReplacedSegment extends SegmentHead {
  /** When it was replaced, in the environment's monotonic time; -Infinity in an earlier life. */
  readonly atMs: number;
}

/** A segment before anybody has looked at it. */
export function newSegment(head: SegmentHead): SegmentState {
  return { ...head, damaged: false };
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
  /** Segments that others have taken the place of: to be deleted. */
  readonly replaced = new Map<number, ReplacedSegment>();
  /** What the cleaner's next segment and commit are called: all that has such a number or a later one counts nothing. */
  nextCleaned: { segment: number; sequence: number } = {
    segment: CLEANED_FIRST,
    sequence: CLEANED_FIRST,
  };
  /** Notes of cleaned segments whose segments are gone. */
  readonly idlePublications = new Set<number>();
  /** As HEAD says. */
  head: OpenSegment;
  /** Partitions with batches in the segment that is being filled. */
  touched = new Set<PartitionIndex>();
  /** Bytes of the chunks in the segment that is being filled, and batches. */
  openBytes = 0;
  openBatches = 0;
  /** When its first batch came, in the environment's time. */
  openedAtMs = 0;

  constructor(head: OpenSegment) {
    this.head = head;
  }

  index(id: PartitionId): PartitionIndex {
    const name = partitionName(id);
    let index = this.partitions.get(name);
    if (!index) this.partitions.set(name, index = new PartitionIndex(id));
    return index;
  }

  /** A cleaned segment counts: later ones get later numbers. */
  noteCleaned({ segment, lastSequence }: SegmentHead): void {
    if (segment < CLEANED_FIRST) return;
    const { nextCleaned } = this;
    nextCleaned.segment = Math.max(nextCleaned.segment, segment + 1);
    nextCleaned.sequence = Math.max(nextCleaned.sequence, lastSequence + 1);
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
    for (const { segment } of index.closed) this.noteDirty(segment, name);
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
