/**
 * Brings stored bytes of a shard into memory: checked as they come, cached, loaded once however many wait for them.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { crc32c } from "../../protocol/records/crc32c.ts";
import type { Kv } from "../kv/kv.ts";
import { Chunk, type StagedParts } from "./chunk.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { chunkKey, detailKey, placeOf, sequenceOf, stagedKey } from "./keys.ts";
import type { ClosedPart } from "./partition_index.ts";
import { decodeDetail, type SegmentDetail } from "./segment_summary.ts";

/** Bytes of the values that a segment's details are cut into. Part of the format. */
export const DETAIL_VALUE_BYTES = 65_536;
/** Shards that fit into a number beside the place of a chunk. */
const SHARDS_MAX = 256;
/** What a cached thing costs beside its bytes. */
const SLOT_BYTES = 128;

/** Reads of one shard. */
export class ShardReader {
  readonly #kv: Kv;
  readonly #shard: number;
  readonly #cache: ChunkCache;

  constructor(kv: Kv, shard: number, cache: ChunkCache) {
    this.#kv = kv;
    this.#shard = shard;
    this.#cache = cache;
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
    return this.#load(
      refs.map((ref) => this.#chunkSlot(ref)),
      (slots) =>
        slots.map((slot) => {
          const ref = Math.floor(slot as number / SHARDS_MAX);
          return chunkKey(this.#shard, sequenceOf(ref), placeOf(ref));
        }),
      (bytes) => Chunk.loaded(bytes ?? new Uint8Array(0)), // a chunk that is not there is damaged, too
    );
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
    const [detail] = await this.#cache.getMany([slot], 1, async () => {
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

  cachedParts({ token, crcs }: StagedParts): (Uint8Array | null)[] | undefined {
    const parts = crcs.map((_, n) => this.#cache.get<Uint8Array | null>(this.#partSlot(token, n)));
    return parts.includes(undefined) ? undefined : parts as (Uint8Array | null)[];
  }

  /** The parts of a staged batch; null for one that is damaged. */
  parts(sequence: number, { token, crcs }: StagedParts): Promise<(Uint8Array | null)[]> {
    const slots = crcs.map((_, n) => this.#partSlot(token, n));
    return this.#load(
      slots,
      (wanted) =>
        wanted.map((slot) =>
          stagedKey(this.#shard, sequence, token, slots.indexOf(slot as string))
        ),
      (bytes, slot) =>
        bytes && crc32c(bytes) === crcs[slots.indexOf(slot as string)] ? bytes : null,
    );
  }

  async #detailBytes({ segment, detailPosition, detailBytes }: ClosedPart): Promise<Uint8Array> {
    const first = Math.floor(detailPosition / DETAIL_VALUE_BYTES);
    const last = Math.floor((detailPosition + detailBytes - 1) / DETAIL_VALUE_BYTES);
    const bytes = new Uint8Array(detailBytes);
    for (let n = first; n <= last;) {
      const count = Math.min(this.#kv.limits.getKeysMax, last - n + 1);
      const keys = Array.from(
        { length: count },
        (_, at) => detailKey(this.#shard, segment, n + at),
      );
      for (const entry of await this.#get(keys)) {
        const start = n++ * DETAIL_VALUE_BYTES - detailPosition;
        const value = entry ?? new Uint8Array(0);
        const from = Math.max(0, -start);
        bytes.set(value.subarray(from, Math.max(from, detailBytes - start)), Math.max(0, start));
      }
    }
    return bytes;
  }

  #load<T>(
    slots: readonly (number | string)[],
    keysOf: (slots: readonly (number | string)[]) => Uint8Array[],
    valueOf: (bytes: Uint8Array | null, slot: number | string) => T,
  ): Promise<T[]> {
    return this.#cache.getMany<T>(slots, this.#kv.limits.getKeysMax, async (missing) => {
      const values = await this.#get(keysOf(missing));
      return values.map((bytes, at) => ({
        value: valueOf(bytes, missing[at]),
        bytes: (bytes?.length ?? 0) + SLOT_BYTES,
      }));
    });
  }

  async #get(keys: readonly Uint8Array[]): Promise<(Uint8Array | null)[]> {
    try {
      return (await this.#kv.get(keys)).map((entry) => entry && entry.value);
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
