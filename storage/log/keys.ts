/**
 * Where everything of the log lies. All keys of a shard carry its number, so that shards share a store without meeting.
 *
 * | key                                      | value                                            |
 * | ---------------------------------------- | ------------------------------------------------ |
 * | `format`                                 | version, number of files and shards              |
 * | `head`, shard                            | HEAD of the shard's chain of commits             |
 * | `c`, shard, sequence, n                  | chunk n of a commit                              |
 * | `s`, shard, sequence, token, n           | part n of a batch too large for its commit       |
 * | `m`, shard, segment, n                   | summary of a segment: one entry per partition    |
 * | `d`, shard, segment, n                   | details of a segment: positions, producers, …    |
 * | `b`, shard, topic, partition             | where a partition's log begins, once it was cut  |
 * | `r`, shard, number                       | partitions that were removed and not swept yet   |
 * | `k`, shard, segment                      | a cleaned segment counts, and which ones it ends |
 *
 * Segments that the cleaner wrote, and their commits, have numbers from {@linkcode CLEANED_FIRST} on: they never come
 * between those that appends fill.
 *
 * @module
 */
import { key, keyParts, prefixRange } from "../kv/key.ts";
import type { KvRange } from "../kv/kv.ts";

/** The kinds of keys that a shard has many of. */
export type ShardKeyKind = "c" | "s" | "m" | "d" | "b" | "r" | "k";

/** First number of the segments that the cleaner writes, and of their commits. */
export const CLEANED_FIRST: number = 2 ** 38;

export const FORMAT_KEY: Uint8Array = key("format");

export function headKey(shard: number): Uint8Array {
  return key("head", shard);
}

export function chunkKey(shard: number, sequence: number, n: number): Uint8Array {
  return key("c", shard, sequence, n);
}

export function stagedKey(
  shard: number,
  sequence: number,
  token: Uint8Array,
  n: number,
): Uint8Array {
  return key("s", shard, sequence, token, n);
}

export function summaryKey(shard: number, segment: number, n: number): Uint8Array {
  return key("m", shard, segment, n);
}

export function detailKey(shard: number, segment: number, n: number): Uint8Array {
  return key("d", shard, segment, n);
}

export function logStartKey(shard: number, topicId: string, partition: number): Uint8Array {
  return key("b", shard, topicId, partition);
}

export function tombstoneKey(shard: number, id: number): Uint8Array {
  return key("r", shard, id);
}

export function publicationKey(shard: number, segment: number): Uint8Array {
  return key("k", shard, segment);
}

/** All keys of one kind. */
export function kindRange(kind: ShardKeyKind, shard: number): KvRange {
  return prefixRange(kind, shard);
}

/**
 * The keys of one kind whose third part (sequence or segment) is `first` to `last`, both included. None when `last` comes
 * before `first`: a cleaned segment of which only its summary was left has no commits.
 */
export function numberedRange(
  kind: ShardKeyKind,
  shard: number,
  first: number,
  last: number = Number.MAX_SAFE_INTEGER,
): KvRange {
  const start = key(kind, shard, first);
  return { start, end: last < first ? start : prefixRange(kind, shard, last).end };
}

/** The numbers behind kind and shard: sequence and n, or segment and n. */
export function numbersOf(bytes: Uint8Array): { readonly major: number; readonly minor: number } {
  const parts = keyParts(bytes);
  return { major: parts[2] as number, minor: parts.at(-1) as number };
}

/** The most chunks that one commit may have. */
export const CHUNKS_PER_COMMIT_MAX = 64;

/** One number for a chunk's place within its shard. */
export function chunkRef(sequence: number, n: number): number {
  return sequence * CHUNKS_PER_COMMIT_MAX + n;
}

export function sequenceOf(ref: number): number {
  return Math.floor(ref / CHUNKS_PER_COMMIT_MAX);
}

export function placeOf(ref: number): number {
  return ref % CHUNKS_PER_COMMIT_MAX;
}
