/**
 * Which closed segments are worth writing anew.
 *
 * @module
 */
import { CLEANED_FIRST } from "../keys.ts";
import type { ClosedPart, PartitionIndex } from "../partition_index.ts";
import type { SegmentState, ShardCatalogue } from "../shard_catalogue.ts";

/** Below this share of live bytes a segment is written anew. */
const LIVE_SHARE_MIN = 0.5;
/** A segment of less than this share of a full one is small; so many of them are put together, four or more at a time. */
const SMALL_SHARE = 1 / 4;
const SMALL_COUNT_MIN = 8;
/** Partitions in a segment from which on reading one of them is mostly reading others. */
const MIXED_PARTS_MIN = 5;
/** Loads of each chunk of a mixed segment, on average, that show that it is read often. */
const LOADS_MIN = 2;
const CHUNK_BYTES = 65_536;

/** What is in a segment. */
export interface SegmentUse {
  readonly state: SegmentState;
  /** Bytes of parts that are not wholly below the start of their log. */
  liveBytes: number;
  readonly parts: { readonly index: PartitionIndex; readonly part: ClosedPart }[];
}

/** What is in each segment that the cleaner may touch, oldest first. */
export function segmentUses({ segments, partitions }: ShardCatalogue): Map<number, SegmentUse> {
  const uses = new Map<number, SegmentUse>();
  for (const state of segments.values()) {
    if (!state.damaged) uses.set(state.segment, { state, liveBytes: 0, parts: [] });
  }
  for (const index of partitions.values()) {
    for (const part of index.closed) {
      const use = uses.get(part.segment);
      if (!use) continue;
      use.parts.push({ index, part });
      if (part.endOffset > index.logStartOffset) use.liveBytes += part.bytes;
    }
  }
  return uses;
}

/** Whether partitions take turns in a segment so that reading one of them alone costs much. */
export function isMixed({ state, parts }: SegmentUse): boolean {
  return state.segment < CLEANED_FIRST && parts.length >= MIXED_PARTS_MIN;
}

/** A mixed segment that was read often, if there is one: most read first. */
export function oftenRead(
  uses: Iterable<SegmentUse>,
  loadsOf: (segment: number) => number,
): SegmentUse | null {
  const loads = (use: SegmentUse) => loadsOf(use.state.segment);
  const found = [...uses].filter((use) =>
    isMixed(use) && loads(use) * CHUNK_BYTES >= LOADS_MIN * use.state.bytes
  );
  return found.sort((a, b) => loads(b) - loads(a))[0] ?? null;
}

/** Segments in which too little lives, or which are too small, to be put together: as many as fill one. */
export function sparseSegments(
  uses: Iterable<SegmentUse>,
  segmentBytes: number,
): readonly SegmentUse[] {
  const all = [...uses];
  const sparse = all.filter(({ state, liveBytes }) => liveBytes < state.bytes * LIVE_SHARE_MIN);
  const small = all.filter(({ state }) => state.bytes < segmentBytes * SMALL_SHARE)
    .sort((a, b) => a.state.bytes - b.state.bytes);
  const wanted = new Set(small.length >= SMALL_COUNT_MIN ? [...sparse, ...small] : sparse);
  const chosen: SegmentUse[] = [];
  let bytes = 0;
  for (const use of wanted) {
    bytes += use.liveBytes;
    if (chosen.length > 0 && bytes > segmentBytes) break;
    chosen.push(use);
  }
  return chosen;
}
