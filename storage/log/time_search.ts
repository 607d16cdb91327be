/**
 * From timestamps to offsets: by summaries, then chunk directories, then the records of one batch. Timestamps may be out of
 * order: every level knows the largest of what is below it.
 *
 * @module
 */
import { recordsIn } from "../../protocol/records/records.ts";
import type { ChunkEntry } from "./chunk_entry.ts";
import { type ClosedPart, OpenPart, type PartitionIndex, type Runs } from "./partition_index.ts";
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
  for (const part of search.index.parts) {
    if (part.maxTimestampMs < timestampMs || isOutside(search, part)) continue;
    for await (const entry of entriesFrom(search, part, timestampMs)) {
      for (const record of await visibleRecords(search, entry)) {
        if (record.timestampMs >= timestampMs) return { ...record, leaderEpoch: entry.leaderEpoch };
      }
    }
  }
  return null;
}

/** The first of the records with the largest timestamp; null if there is none. */
export async function findMaxTimestamp(search: TimeSearch): Promise<TimestampedOffset | null> {
  let best = null as TimestampedOffset | null;
  const parts = search.index.parts.filter((part) => !isOutside(search, part));
  parts.sort((a, b) => b.maxTimestampMs - a.maxTimestampMs || a.firstOffset - b.firstOffset);
  for (const part of parts) {
    if (best && part.maxTimestampMs < best.timestampMs) break;
    for await (const entry of entriesFrom(search, part, best?.timestampMs ?? -1)) {
      if (best && entry.maxTimestampMs < best.timestampMs) continue;
      for (const record of await visibleRecords(search, entry)) {
        if (isBetter(record, best)) best = { ...record, leaderEpoch: entry.leaderEpoch };
      }
    }
  }
  return best;
}

function isBetter(
  record: { readonly offset: number; readonly timestampMs: number },
  best: TimestampedOffset | null,
): boolean {
  if (best === null || record.timestampMs > best.timestampMs) return true;
  return record.timestampMs === best.timestampMs && record.offset < best.offset;
}

function isOutside(search: TimeSearch, part: ClosedPart | OpenPart): boolean {
  return part.endOffset <= search.logStartOffset || part.firstOffset >= search.beforeOffset;
}

/** The batches of a part that may hold a record of at least `timestampMs`. */
async function* entriesFrom(
  search: TimeSearch,
  part: ClosedPart | OpenPart,
  timestampMs: number,
): AsyncGenerator<ChunkEntry> {
  const runs = await runsOf(search, part);
  for (let at = 0; at < runs.length; at++) {
    const run = runs.at(at);
    if (run.firstOffset >= search.beforeOffset) return;
    if (run.maxTimestampMs < timestampMs) continue;
    const chunk = search.reader.cachedChunk(run.ref) ?? (await search.reader.chunks([run.ref]))[0];
    for (const entry of chunk.entriesOf(run.local)) {
      const visible = entry.partPosition === 0 && entry.lastOffset >= search.logStartOffset &&
        entry.baseOffset >= part.firstOffset &&
        entry.baseOffset < Math.min(part.endOffset, search.beforeOffset);
      if (visible && entry.maxTimestampMs >= timestampMs) yield entry;
    }
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
