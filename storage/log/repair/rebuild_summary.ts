/**
 * Writes the summary of a segment anew: from its details, which tell in which chunks the batches of each partition lie, and
 * from the directories of these chunks.
 *
 * @module
 */
import type { Kv } from "../../kv/kv.ts";
import { soundPartitions } from "../chunk.ts";
import type { ShardFacts } from "../check/shard_facts.ts";
import { chunkKey, CLEANED_FIRST, numbersOf, placeOf, sequenceOf, summaryKey } from "../keys.ts";
import { OpenPart } from "../partition_index.ts";
import type { PartitionId } from "../partition_log.ts";
import {
  encodeSummary,
  type FramedDetail,
  framedDetails,
  type SummaryEntry,
} from "../segment_summary.ts";
import { DETAIL_VALUE_BYTES } from "../shard_reader.ts";

type KvSet = { readonly key: Uint8Array; readonly value: Uint8Array };

/**
 * The values of a segment's summary; null where they cannot be told for sure: the segment was written by the cleaner (its
 * parts know more than their batches), its details or a directory are damaged, or another summary is missing too.
 */
export async function rebuildSummary(
  kv: Kv,
  facts: ShardFacts,
  segment: number,
): Promise<readonly KvSet[] | null> {
  const { head, shard } = facts;
  const pages = facts.details.get(segment);
  if (head === null || pages === undefined || segment >= CLEANED_FIRST) return null;
  const unreadable = new Set(
    facts.damage.filter(({ name }) => name.startsWith("m ")).map(({ key }) => numbersOf(key).major),
  );
  if (unreadable.size !== 1) return null;
  const known = facts.summaries.map(({ head }) => head);
  const before = known.filter((each) => each.segment < segment).map((each) => each.lastSequence);
  const after = known.filter((each) => each.segment > segment && each.segment < CLEANED_FIRST)
    .map((each) => each.firstSequence);
  const firstSequence = Math.max(-1, ...before) + 1;
  const lastSequence = Math.min(head.firstSequence, ...after) - 1;
  const isInside = ({ key }: { readonly key: Uint8Array }) => {
    const { major } = numbersOf(key);
    return firstSequence <= major && major <= lastSequence;
  };
  const bytes = [...facts.keys.get("c") ?? [], ...facts.keys.get("s") ?? []].filter(isInside)
    .reduce((sum, each) => sum + each.bytes, 0);
  try {
    const entries: SummaryEntry[] = [];
    for (const framed of framedDetails(streamOf(pages))) {
      const entry = await entryOf(kv, shard, segment, framed);
      if (entry === null) return null;
      entries.push(entry);
    }
    const values = encodeSummary(
      { segment, firstSequence, lastSequence, bytes },
      entries,
      DETAIL_VALUE_BYTES,
    );
    return values.map((value, n) => ({ key: summaryKey(shard, segment, n), value }));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

async function entryOf(
  kv: Kv,
  shard: number,
  segment: number,
  { detail, position, bytes }: FramedDetail,
): Promise<SummaryEntry | null> {
  const { runs, aborted } = detail;
  const part = new OpenPart(runs.at(0).firstOffset);
  let id: PartitionId | null = null;
  for (let at = 0; at < runs.length; at++) {
    const { ref, local, firstOffset } = runs.at(at);
    const [chunk] = await kv.get([chunkKey(shard, sequenceOf(ref), placeOf(ref))]);
    const found = chunk && soundPartitions(chunk.value)?.[local];
    if (!found) return null;
    id = found.id;
    for (const entry of found.entries) {
      const begins = entry.partPosition === 0 && entry.baseOffset >= firstOffset;
      if (begins) part.addBatch(entry, ref, local);
    }
  }
  if (id === null) return null;
  const { firstOffset, endOffset, maxTimestampMs, firstTimestampMs, epochs } = part;
  return {
    id,
    epochs,
    part: {
      segment,
      firstOffset,
      endOffset,
      bytes: part.bytes,
      maxTimestampMs,
      firstTimestampMs,
      detailPosition: position,
      detailBytes: bytes,
      abortedFrom: Math.min(Infinity, ...aborted.map(({ firstOffset }) => firstOffset)),
      dirtyFrom: firstOffset, // compaction looks at it again
    },
  };
}

function streamOf(pages: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const last = Math.max(...pages.keys());
  const stream = new Uint8Array(last * DETAIL_VALUE_BYTES + pages.get(last)!.length);
  for (const [n, page] of pages) stream.set(page, n * DETAIL_VALUE_BYTES);
  return stream;
}
