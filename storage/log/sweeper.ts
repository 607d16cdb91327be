/**
 * Takes away, in small steps, what removed partitions left: their entries in summaries, segments where nothing lives any
 * more, and at last the tombstones. Every step can be the last before a crash; the next start goes on from there.
 *
 * @module
 */
import type { Kv, KvRange } from "../kv/kv.ts";
import {
  CLEANED_FIRST,
  kindRange,
  logStartKey,
  numberedRange,
  publicationKey,
  tombstoneKey,
} from "./keys.ts";
import { partitionName } from "./partition_index.ts";
import type { ShardCatalogue, Tombstone } from "./shard_catalogue.ts";
import { decodeSummary, encodeSummary, type SegmentHead } from "./segment_summary.ts";
import { DETAIL_VALUE_BYTES, type ShardReader } from "./shard_reader.ts";
import { listAll, pagesOf } from "../kv/list_all.ts";
import type { Upkeep } from "./shard_writer.ts";

/**
 * Bytes that are deleted for each one that a step might write, since a delete costs about a quarter of a write. Values are
 * read to be deleted (a list of keys alone is not to be had), a megabyte at most.
 */
const DELETED_PER_WRITTEN = 4;
const DELETED_BYTES_MAX = 1024 * 1024;
/** Deletes per commit, however small the values. */
const DELETES_PER_COMMIT = 16;
/** Log starts deleted per commit: their keys hold names, and the keys of a commit are limited. */
const LOG_STARTS_PER_COMMIT = 200;

/** What a sweep works on. */
export interface SweepSource {
  readonly shard: number;
  readonly kv: Kv;
  readonly catalogue: ShardCatalogue;
  readonly reader: Pick<ShardReader, "forgetLoads">;
  maintain(change: Upkeep): Promise<void>;
  /** Stored bytes to be written at a time. */
  stepBytes(): number;
  /** Gives way to writers; called between steps. @throws when the shard stops. */
  pause(): Promise<void>;
}

/** Sweeps until nothing is left that can be swept now. */
export async function sweep(source: SweepSource): Promise<void> {
  const { catalogue } = source;
  for (const segment of [...catalogue.dirty.keys()]) await sweepSegment(source, segment);
  for (const tombstone of [...catalogue.tombstones.values()]) {
    const stillOpen = tombstone.openSegment >= catalogue.head.segment;
    if (stillOpen || isDirty(catalogue, tombstone)) continue;
    // Segments that were taken out of use may be known to be so in memory only: a start that finds them would find the
    // partition in them.
    await deleteReplaced(source);
    await bury(source, tombstone);
  }
}

function isDirty({ dirty }: ShardCatalogue, { ids }: Tombstone): boolean {
  return [...dirty.values()].some((names) => ids.some((id) => names.has(partitionName(id))));
}

async function sweepSegment(source: SweepSource, segment: number): Promise<void> {
  const { shard, kv, catalogue } = source;
  const names = catalogue.dirty.get(segment) ?? new Set();
  const sweeping = new Set(names);
  const range = numberedRange("m", shard, segment, segment);
  const changed: { key: Uint8Array; value: Uint8Array }[] = [];
  let alive = 0;
  for await (const { key, value } of listAll(kv, range)) {
    const { head, entries } = decodeSummary(value);
    const left = entries.filter(({ id }) => !sweeping.has(partitionName(id)));
    alive += left.length;
    if (left.length === entries.length) continue;
    const [page] = encodeSummary(head, left, DETAIL_VALUE_BYTES * 2);
    changed.push({ key, value: page });
  }
  if (alive === 0) await dropSegment(source, segment);
  else if (changed.length > 0) await rewrite(source, changed);
  for (const name of sweeping) names.delete(name);
  if (names.size === 0) catalogue.dirty.delete(segment);
}

async function rewrite(
  { maintain }: SweepSource,
  changed: readonly { key: Uint8Array; value: Uint8Array }[],
): Promise<void> {
  for (const change of changed) await maintain({ sets: [change] });
}

async function dropSegment(source: SweepSource, segment: number): Promise<void> {
  const { catalogue } = source;
  // What a cleaned segment has ended must be gone before the note of it.
  await deleteReplaced(source);
  const state = catalogue.segments.get(segment);
  if (state) await deleteSegment(source, state);
  catalogue.segments.delete(segment);
}

async function deleteReplaced(source: SweepSource): Promise<void> {
  const { replaced } = source.catalogue;
  for (const old of [...replaced.values()]) {
    await deleteSegment(source, old);
    replaced.delete(old.segment);
  }
}

/**
 * Deletes a segment that nobody has anything in. Its summary goes last, and what made it count: they are what the next
 * start would go on from.
 */
export async function deleteSegment(source: SweepSource, head: SegmentHead): Promise<void> {
  const { shard, maintain, reader } = source;
  const { segment, firstSequence, lastSequence } = head;
  await deleteRange(source, numberedRange("c", shard, firstSequence, lastSequence));
  await deleteRange(source, numberedRange("s", shard, firstSequence, lastSequence));
  await deleteRange(source, numberedRange("d", shard, segment, segment));
  await deleteRange(source, numberedRange("m", shard, segment, segment));
  if (segment >= CLEANED_FIRST) await maintain({ deletes: [publicationKey(shard, segment)] });
  reader.forgetLoads(segment); // reads that began before may have noted some since it went out of use
}

/** Deletes all keys of a range, in steps. */
export async function deleteRange(source: SweepSource, range: KvRange): Promise<void> {
  const pages = pagesOf(source.kv, range, {
    bytes: () => Math.min(DELETED_PER_WRITTEN * source.stepBytes(), DELETED_BYTES_MAX),
    entriesMax: DELETES_PER_COMMIT,
  });
  for await (const page of pages) {
    await source.maintain({ deletes: page.map(({ key }) => key) });
    await source.pause();
  }
}

async function bury(source: SweepSource, { number, ids }: Tombstone): Promise<void> {
  const { shard, kv, catalogue, maintain } = source;
  const removed = new Set(ids.map((id) => logStartKey(shard, id.topicId, id.partition).toHex()));
  const starts: Uint8Array[] = [];
  for await (const { key } of listAll(kv, kindRange("b", shard))) {
    if (removed.has(key.toHex())) starts.push(key);
  }
  for (let at = 0; at < starts.length; at += LOG_STARTS_PER_COMMIT) {
    await maintain({ deletes: starts.slice(at, at + LOG_STARTS_PER_COMMIT) });
  }
  await maintain({ deletes: [tombstoneKey(shard, number)] });
  catalogue.tombstones.delete(number);
}

/** The number of the next tombstone. */
export function nextTombstone({ tombstones }: ShardCatalogue): number {
  return Math.max(-1, ...tombstones.keys()) + 1;
}
