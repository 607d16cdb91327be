/**
 * From timestamps to offsets: by summaries, then the runs of one part, then a chunk's directory, then the records of one
 * batch. Timestamps may be out of order: every level knows the largest of what is below it, so that O(log n) of the parts
 * and of the runs are looked at, and mostly one chunk is read.
 *
 * @module
 */
import { recordsIn } from "../../protocol/records/records.ts";
import type { ChunkEntry } from "./chunk_entry.ts";
import {
  type ClosedPart,
  OpenPart,
  type PartitionIndex,
  type Run,
  type Runs,
} from "./partition_index.ts";
import type { LogRead, TimestampedOffset } from "./partition_log.ts";
import type { ShardReader } from "./shard_reader.ts";

/** What a search works on. */
export interface TimeSearch {
  readonly index: PartitionIndex;
  readonly reader: ShardReader;
  /** Records below are gone. */
  readonly logStartOffset: number;
  /** Records from here on are not to be seen. */
  readonly beforeOffset: number;
  /** Reads the batch at an offset. */
  readonly readBatch: (offset: number) => LogRead | Promise<LogRead>;
}

/** The first record at or after `timestampMs`, in offset order; null if there is none. */
export async function findByTimestamp(
  search: TimeSearch,
  timestampMs: number,
): Promise<TimestampedOffset | null> {
  const { index, logStartOffset, beforeOffset } = search;
  let number = index.times.nextAtLeast(index.partNumberAt(logStartOffset), timestampMs);
  // Only in a part that is cut off, or cleaned, may the record be gone that the part's largest timestamp comes from.
  for (; number >= 0; number = index.times.nextAtLeast(number + 1, timestampMs)) {
    const part = index.part(number);
    if (part.firstOffset >= beforeOffset) return null;
    const runs = await runsOf(search, part);
    let at = runs.times.nextAtLeast(firstRun(search, runs), timestampMs);
    for (; at >= 0; at = runs.times.nextAtLeast(at + 1, timestampMs)) {
      for await (const entry of entriesOf(search, part, runs.at(at), timestampMs)) {
        for (const record of await visibleRecords(search, entry)) {
          if (record.timestampMs >= timestampMs) {
            return { ...record, leaderEpoch: entry.leaderEpoch };
          }
        }
      }
    }
  }
  return null;
}

/** The first of the records with the largest timestamp; null if there is none. */
export async function findMaxTimestamp(search: TimeSearch): Promise<TimestampedOffset | null> {
  const { index, logStartOffset, beforeOffset } = search;
  let best = null as TimestampedOffset | null;
  const first = index.partNumberAt(logStartOffset);
  for (const number of index.times.largestFirst(first, index.partNumberAt(beforeOffset) + 1)) {
    const part = index.part(number);
    if (!canBeBetter(part, best)) break;
    const runs = await runsOf(search, part);
    for (const at of runs.times.largestFirst(firstRun(search, runs), runs.length)) {
      const run = runs.at(at);
      if (!canBeBetter(run, best)) break;
      for await (const entry of entriesOf(search, part, run, best?.timestampMs ?? -1)) {
        for (const record of await visibleRecords(search, entry)) {
          if (isBetter(record, best)) best = { ...record, leaderEpoch: entry.leaderEpoch };
        }
      }
    }
  }
  return best;
}

/** Whether something that has records from an offset on may have a later one, or one as late that comes first. */
function canBeBetter(
  { maxTimestampMs, firstOffset }: Pick<Run, "maxTimestampMs" | "firstOffset">,
  best: TimestampedOffset | null,
): boolean {
  return isBetter({ offset: firstOffset, timestampMs: maxTimestampMs }, best);
}

function isBetter(
  record: { readonly offset: number; readonly timestampMs: number },
  best: TimestampedOffset | null,
): boolean {
  if (best === null || record.timestampMs > best.timestampMs) return true;
  return record.timestampMs === best.timestampMs && record.offset < best.offset;
}

/** The first run that is not wholly below the start of the log. */
function firstRun({ logStartOffset }: TimeSearch, runs: Runs): number {
  return Math.max(0, runs.find(logStartOffset));
}

/** The batches of a run that may hold a record of at least `timestampMs`. */
async function* entriesOf(
  search: TimeSearch,
  part: ClosedPart | OpenPart,
  { ref, local }: Run,
  timestampMs: number,
): AsyncGenerator<ChunkEntry> {
  const chunk = search.reader.cachedChunk(ref) ?? (await search.reader.chunks([ref]))[0];
  for (const entry of chunk.entriesOf(local)) {
    const visible = entry.partPosition === 0 && entry.lastOffset >= search.logStartOffset &&
      entry.baseOffset >= part.firstOffset &&
      entry.baseOffset < Math.min(part.endOffset, search.beforeOffset);
    if (visible && entry.maxTimestampMs >= timestampMs) yield entry;
  }
}

async function runsOf({ reader }: TimeSearch, part: ClosedPart | OpenPart): Promise<Runs> {
  return part instanceof OpenPart
    ? part.runs
    : (reader.cachedDetail(part) ?? await reader.detail(part)).runs;
}

async function visibleRecords(
  search: TimeSearch,
  entry: ChunkEntry,
): Promise<{ offset: number; timestampMs: number }[]> {
  const { slices, bytes } = await search.readBatch(entry.baseOffset);
  const records: { offset: number; timestampMs: number }[] = [];
  for (const { offset, timestampMs } of recordsIn(joined(slices, bytes))) {
    if (offset >= search.logStartOffset && offset < search.beforeOffset) {
      records.push({ offset, timestampMs });
    }
  }
  return records;
}

/** The slices as one: themselves, where there is one only. */
function joined(slices: readonly Uint8Array[], bytes: number): Uint8Array {
  if (slices.length === 1) return slices[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}
