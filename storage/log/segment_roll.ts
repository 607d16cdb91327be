/**
 * Closing a segment: its details and summary are written ahead, over as many commits as they need, while batches go on
 * into the next segment; then one commit makes HEAD point there. A crash before that leaves the segment open and the
 * prepared values to be removed.
 *
 * @module
 */
import { ByteWriter } from "./binary.ts";
import { detailKey, summaryKey } from "./keys.ts";
import type { ClosedPart, OpenPart, PartitionIndex } from "./partition_index.ts";
import type { EpochEntry } from "./partition_log.ts";
import {
  encodeDetail,
  encodeSummary,
  type SegmentHead,
  type SummaryEntry,
} from "./segment_summary.ts";
import { DETAIL_VALUE_BYTES } from "./shard_reader.ts";

/** One partition of a segment that is being closed. */
interface RollingPart {
  readonly index: PartitionIndex;
  readonly open: OpenPart;
  readonly closed: ClosedPart;
}

/** A segment that is being closed: what to write, and what to do when it is written. */
export interface SegmentRoll {
  readonly head: SegmentHead;
  readonly sets: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  readonly parts: readonly RollingPart[];
}

/**
 * Freezes the open parts of `touched` and encodes them. From here on new batches go into new parts.
 *
 * @param head the segment, as it is now.
 */
export function freezeSegment(
  shard: number,
  head: SegmentHead,
  touched: Iterable<PartitionIndex>,
): SegmentRoll {
  const details = new ByteWriter(DETAIL_VALUE_BYTES);
  const entries: SummaryEntry[] = [];
  const parts: RollingPart[] = [];
  for (const index of touched) {
    const open = index.open;
    if (open === null || index.removed) continue;
    const closed = freezePart(head.segment, index, open, details);
    parts.push({ index, open, closed });
    entries.push({ id: index.id, part: closed, epochs: open.epochs as readonly EpochEntry[] });
  }
  return { head, sets: segmentSets(shard, head, details, entries), parts };
}

/** The values that a closed segment needs beside its chunks. */
export function segmentSets(
  shard: number,
  head: SegmentHead,
  details: ByteWriter,
  entries: readonly SummaryEntry[],
): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
  const detailBytes = details.toBytes();
  const sets: { key: Uint8Array; value: Uint8Array }[] = [];
  for (let at = 0, n = 0; at < detailBytes.length; at += DETAIL_VALUE_BYTES, n++) {
    sets.push({
      key: detailKey(shard, head.segment, n),
      value: detailBytes.subarray(at, at + DETAIL_VALUE_BYTES),
    });
  }
  encodeSummary(head, entries, DETAIL_VALUE_BYTES).forEach((value, n) => {
    sets.push({ key: summaryKey(shard, head.segment, n), value });
  });
  return sets;
}

function freezePart(
  segment: number,
  index: PartitionIndex,
  open: OpenPart,
  details: ByteWriter,
): ClosedPart {
  index.rolling = open;
  index.open = null;
  return closePart(segment, open, open.firstOffset, index.writeProducers, details);
}

/** Appends the details of a complete part to those of its segment. */
export function closePart(
  segment: number,
  part: OpenPart,
  dirtyFrom: number,
  writeProducers: ((writer: ByteWriter) => void) | null,
  details: ByteWriter,
): ClosedPart {
  const detailPosition = details.length;
  details.raw(encodeDetail(part, writeProducers));
  const { firstOffset, endOffset, bytes, maxTimestampMs, firstTimestampMs } = part;
  return {
    segment,
    firstOffset,
    endOffset,
    bytes,
    maxTimestampMs,
    firstTimestampMs,
    detailPosition,
    detailBytes: details.length - detailPosition,
    abortedFrom: part.abortedFrom,
    dirtyFrom,
  };
}
