/**
 * Brings stored bytes of a shard into memory: checked as they come, cached, loaded once however many wait for them.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { Kv } from "../kv/kv.ts";
import { checksum } from "../checksum.ts";
import { Chunk } from "./chunk.ts";
import type { StagedParts } from "./chunk_entry.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { chunkKey, detailKey, placeOf, sequenceOf, stagedKey } from "./keys.ts";
import type { ClosedPart } from "./partition_index.ts";
import { decodeDetail, type SegmentDetail } from "./segment_summary.ts";

/** Bytes of the values that a segment's details are cut into. Part of the format. */
export const DETAIL_VALUE_BYTES = 65_536;
/** Shards that fit into a number beside the place of a chunk. */
const SHARDS_MAX = 256;
/** Chunks side by side are listed instead of got from so many on, and up to so many at once. */
const LISTED_MIN = 3;
const LISTED_MAX = 8;
/** Read-ahead may take this part of the cache per reader: a sixteenth. */
const READ_AHEAD_SHARE = 16;
const NO_BYTES = new Uint8Array(0);
/** What a cached thing costs beside its bytes. */
const SLOT_BYTES = 128;

/** Reads of one shard. */
export class ShardReader {
  readonly #kv: Kv;
  readonly #shard: number;
  readonly #cache: ChunkCache;
  readonly #loads = new Map<number, number>();

  constructor(kv: Kv, shard: number, cache: ChunkCache) {
    this.#kv = kv;
    this.#shard = shard;
    this.#cache = cache;
  }

  /** How often chunks of a closed segment had to be loaded since the start. */
  loadsOf(segment: number): number {
    return this.#loads.get(segment) ?? 0;
  }

  noteLoads(segment: number, chunks: number): void {
    this.#loads.set(segment, this.loadsOf(segment) + chunks);
  }

  /** The segment is gone. */
  forgetLoads(segment: number): void {
    this.#loads.delete(segment);
  }

  /** Keeps a chunk that was just written. */
  keep(ref: number, bytes: Uint8Array): void {
    this.#cache.put(this.#chunkSlot(ref), Chunk.written(bytes), bytes.length + SLOT_BYTES);
  }

  /** Keeps a part of a large batch that was just written. */
  keepPart(token: Uint8Array, n: number, bytes: Uint8Array): void {
    this.#cache.put(this.#partSlot(token, n), bytes, bytes.length + SLOT_BYTES);
  }

  cachedChunk(ref: number): Chunk | undefined {
    return this.#cache.get(this.#chunkSlot(ref));
  }

  /**
   * Chunks by their places.
   *
   * @throws KafkaError KAFKA_STORAGE_ERROR when the store fails.
   */
  chunks(refs: readonly number[]): Promise<Chunk[]> {
    return this.#cache.getMany(
      refs.map((ref) => this.#chunkSlot(ref)),
      (missing) => this.#sideBySide(missing),
      async (slots) => {
        const found = await this.#chunkBytes(slots.map((slot) => Math.floor(slot / SHARDS_MAX)));
        return found.map((bytes) => ({
          value: Chunk.loaded(bytes ?? NO_BYTES), // a chunk that is not there is damaged, too
          bytes: (bytes?.length ?? 0) + SLOT_BYTES,
        }));
      },
    );
  }

  /** Begins to load chunks that will be wanted soon. `bytes` of them must be little against the whole cache. */
  prepare(refs: readonly number[], bytes: number): void {
    if (refs.length === 0 || bytes * READ_AHEAD_SHARE > this.#cache.bytesMax) return;
    this.chunks(refs).catch(() => {}); // whoever really wants them is told
  }

  cachedDetail(part: ClosedPart): SegmentDetail | undefined {
    return this.#cache.get(this.#detailSlot(part));
  }

  /**
   * The details of a partition in a segment.
   *
   * @throws KafkaError CORRUPT_MESSAGE when they are damaged, KAFKA_STORAGE_ERROR when the store fails.
   */
  async detail(part: ClosedPart): Promise<SegmentDetail> {
    const slot = this.#detailSlot(part);
    const [detail] = await this.#cache.getMany([slot], (missing) => [missing], async () => {
      const bytes = await this.#detailBytes(part);
      try {
        return [{ value: decodeDetail(bytes), bytes: bytes.length * 4 + SLOT_BYTES }];
      } catch (cause) {
        throw new KafkaError(
          "CORRUPT_MESSAGE",
          `Offsets ${part.firstOffset} to ${part.endOffset - 1} cannot be found: ${cause}`,
          { cause },
        );
      }
    });
    return detail;
  }

  cachedParts({ token, checksums }: StagedParts): (Uint8Array | null)[] | undefined {
    const parts = checksums.map((_, n) =>
      this.#cache.get<Uint8Array | null>(this.#partSlot(token, n))
    );
    return parts.includes(undefined) ? undefined : parts as (Uint8Array | null)[];
  }

  /** The parts of a staged batch; null for one that is damaged. */
  parts(sequence: number, { token, checksums }: StagedParts): Promise<(Uint8Array | null)[]> {
    const slots = checksums.map((_, n) => this.#partSlot(token, n));
    return this.#cache.getMany(
      slots,
      (missing) => inGroups(missing, LISTED_MAX),
      async (wanted) => {
        const numbers = wanted.map((slot) => slots.indexOf(slot));
        const keys = numbers.map((n) => stagedKey(this.#shard, sequence, token, n));
        return (await this.#list(keys)).map((bytes, at) => ({
          value: bytes && checksum(bytes) === checksums[numbers[at]] ? bytes : null,
          bytes: (bytes?.length ?? 0) + SLOT_BYTES,
        }));
      },
    );
  }

  /** Chunks that lie one behind the other together, to be listed: twice as quick as to get them by key. */
  #sideBySide(slots: readonly number[]): number[][] {
    const groups: number[][] = [];
    let last = NaN;
    for (const slot of slots) {
      const ref = Math.floor(slot / SHARDS_MAX);
      const group = groups.at(-1);
      if (group && group.length < LISTED_MAX && isNext(last, ref)) group.push(slot);
      else groups.push([slot]);
      last = ref;
    }
    const listed = groups.filter((group) => group.length >= LISTED_MIN);
    const single = groups.filter((group) => group.length < LISTED_MIN).flat();
    return [...listed, ...inGroups(single, this.#kv.limits.getKeysMax)];
  }

  #chunkBytes(refs: readonly number[]): Promise<(Uint8Array | null)[]> {
    const keys = refs.map((ref) => chunkKey(this.#shard, sequenceOf(ref), placeOf(ref)));
    const adjoining = refs.every((ref, at) => at === 0 || isNext(refs[at - 1], ref));
    return adjoining ? this.#list(keys) : this.#get(keys);
  }

  /** The values of keys that lie close together, in order. */
  async #list(keys: readonly Uint8Array[]): Promise<(Uint8Array | null)[]> {
    if (keys.length < LISTED_MIN) return this.#get(keys);
    const range = { start: keys[0], end: Uint8Array.of(...keys.at(-1)!, 0) };
    const limit = Math.min(keys.length * 2, this.#kv.limits.listEntriesMax);
    const found = new Map<string, Uint8Array>();
    for (const { key, value } of await this.#read(() => this.#kv.list(range, { limit }))) {
      found.set(key.toHex(), value);
    }
    // Chunks of others may lie in between, and use up the limit.
    const rest = keys.filter((key) => !found.has(key.toHex()));
    for (const group of inGroups(rest, this.#kv.limits.getKeysMax)) {
      (await this.#get(group)).forEach((value, at) => value && found.set(group[at].toHex(), value));
    }
    return keys.map((key) => found.get(key.toHex()) ?? null);
  }

  /** Cut out of the segment's stream of details: many partitions share its values. */
  async #detailBytes({ segment, detailPosition, detailBytes }: ClosedPart): Promise<Uint8Array> {
    const first = Math.floor(detailPosition / DETAIL_VALUE_BYTES);
    const last = Math.floor((detailPosition + detailBytes - 1) / DETAIL_VALUE_BYTES);
    const numbers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
    const slots = numbers.map((n) => `D${this.#shard}/${segment}/${n}`);
    const values = await this.#cache.getMany(
      slots,
      (missing) => inGroups(missing, this.#kv.limits.getKeysMax),
      async (wanted) => {
        const keys = wanted.map((slot) =>
          detailKey(this.#shard, segment, first + slots.indexOf(slot))
        );
        return (await this.#get(keys)).map((bytes) => ({
          value: bytes ?? NO_BYTES,
          bytes: (bytes?.length ?? 0) + SLOT_BYTES,
        }));
      },
    );
    const start = detailPosition - first * DETAIL_VALUE_BYTES;
    if (values.length === 1) return values[0].subarray(start, start + detailBytes);
    const whole = new Uint8Array(values.length * DETAIL_VALUE_BYTES);
    values.forEach((value, at) => whole.set(value, at * DETAIL_VALUE_BYTES));
    return whole.subarray(start, start + detailBytes);
  }

  async #get(keys: readonly Uint8Array[]): Promise<(Uint8Array | null)[]> {
    const entries = await this.#read(() => this.#kv.get(keys));
    return entries.map((entry) => entry && entry.value);
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw new KafkaError("KAFKA_STORAGE_ERROR", `The store cannot be read: ${cause}`, { cause });
    }
  }

  #chunkSlot(ref: number): number {
    return ref * SHARDS_MAX + this.#shard;
  }

  #detailSlot({ segment, detailPosition }: ClosedPart): string {
    return `d${this.#shard}/${segment}/${detailPosition}`;
  }

  #partSlot(token: Uint8Array, n: number): string {
    return `${token.toHex()}/${n}`;
  }
}

/** Whether the chunk `ref` may lie right behind `before`: next in its commit, or first of the next commit. */
function isNext(before: number, ref: number): boolean {
  return ref === before + 1 ||
    placeOf(ref) === 0 && sequenceOf(ref) === sequenceOf(before) + 1;
}

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, at) => items.slice(at * size, (at + 1) * size),
  );
}
