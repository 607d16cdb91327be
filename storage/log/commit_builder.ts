/**
 * Gathers batches of any partitions of a shard into the chunks of one commit.
 *
 * @module
 */
import { writeBaseOffset, writeLeaderEpoch } from "../../protocol/records/batch_header.ts";
import type { KvLimits } from "../kv/kv.ts";
import { checksum } from "../checksum.ts";
import { CHUNK_DATA_START } from "./chunk.ts";
import { ChunkBuilder, PARTITION_BYTES_MAX } from "./chunk_builder.ts";
import { type ChunkEntry, ENTRY_BYTES_MAX } from "./chunk_entry.ts";
import { ChunkArena } from "./chunk_arena.ts";
import { CHUNKS_PER_COMMIT_MAX } from "./keys.ts";
import type { AppendOutcome, PartitionId } from "./partition_log.ts";
import type { ProducerFacts } from "./producer_states.ts";

/** Kept free in a commit for HEAD, its check, and what else is not a chunk. */
const HEAD_BYTES = 1_024;
/** What a chunk costs beside its value: twice its key, at the longest. */
const CHUNK_KEY_BYTES = 96;
/** A chunk shorter than this is not begun. */
const CHUNK_BYTES_MIN = 4_096;
/** Batches that fit no commit are published together up to this many bytes. */
const STAGED_BYTES_MAX = 8 * 1024 * 1024;
/** Deno KV counts on 819 200 bytes; staying clear of it costs little. */
export const COMMIT_BYTES_MAX = 780_000;

/** A batch on its way, as its partition hands it over. */
export interface NewBatch<Owner extends { readonly id: PartitionId } = BatchOwner> {
  readonly owner: Owner;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestampMs: number;
  readonly crc: number;
  readonly producer: ProducerFacts | null;
}

/** Who appended a batch and wants to know what became of it. */
export interface BatchOwner {
  readonly id: PartitionId;
  /** The batch is durable, and lies in this chunk. */
  committed(batch: NewBatch, sizeBytes: number, ref: number, local: number): void;
  /** Nothing that is in flight will become durable: forget it. */
  revert(): void;
  /** After every partition concerned was reverted, once per batch, oldest first: tells who waits. */
  fail(outcome: AppendOutcome): void;
}

/** What is written of a batch, whoever owns it. */
type BatchFacts = Omit<NewBatch, "owner">;

/** A batch in a commit, and the number of the chunk that it begins in. */
export interface PlacedBatch<Owner extends { readonly id: PartitionId } = BatchOwner> {
  readonly batch: NewBatch<Owner>;
  readonly sizeBytes: number;
  readonly n: number;
}

/** A chunk of a commit, complete. */
export interface SealedChunk {
  readonly bytes: Uint8Array;
  readonly locals: ReadonlyMap<PartitionId, number>;
}

/** A part of a batch that fits no commit. */
export interface StagedPart {
  readonly token: Uint8Array;
  readonly n: number;
  readonly bytes: Uint8Array;
}

/** One commit in the making. */
export class CommitBuilder<Owner extends { readonly id: PartitionId } = BatchOwner> {
  readonly batches: PlacedBatch<Owner>[] = [];
  /** Parts of batches that fit no commit: a commit publishes such batches, or ordinary ones. */
  readonly staged: StagedPart[] = [];
  /** Bytes of batches. */
  bytes = 0;
  readonly #arena: ChunkArena;
  readonly #limits: KvLimits;
  readonly #chunks: SealedChunk[] = [];
  #current: ChunkBuilder | null = null;
  #left: number;

  constructor(arena: ChunkArena, limits: KvLimits) {
    this.#arena = arena;
    this.#limits = limits;
    this.#left = Math.min(limits.commitBytesMax, COMMIT_BYTES_MAX) - HEAD_BYTES;
  }

  /** The largest batch that fits an empty commit. Larger ones are staged. */
  static batchBytesMax(limits: KvLimits): number {
    return new CommitBuilder(new ChunkArena(0), limits).#room();
  }

  /** Takes a batch if it fits; its bytes are copied, with base offset and epoch set. */
  add(batch: NewBatch<Owner>, bytes: Uint8Array): boolean {
    if (this.staged.length > 0) return false;
    const whole = bytes.length <= this.#wholeBytesMax;
    if (whole ? !this.#openChunkFor(bytes.length) : this.#room() < bytes.length) return false;
    if (whole) this.#addWhole(batch, bytes);
    else this.#addParts(batch, bytes);
    this.bytes += bytes.length;
    return true;
  }

  /** Takes a batch that fits no commit, unless there are ordinary ones here, or enough of this kind. */
  addStaged(batch: NewBatch<Owner>, bytes: Uint8Array, token: Uint8Array): boolean {
    const mixed = this.batches.length > 0 && this.staged.length === 0;
    if (mixed || this.bytes > 0 && this.bytes + bytes.length > STAGED_BYTES_MAX) return false;
    const { valueBytesMax } = this.#limits;
    const partCount = Math.ceil(bytes.length / valueBytesMax);
    const room = this.#current?.room() ?? Infinity;
    if (room < partCount * 4) return false;
    this.#current ??= this.#openChunk(valueBytesMax);
    const checksums: number[] = [];
    for (let n = 0; n < partCount; n++) {
      const part = bytes.slice(n * valueBytesMax, (n + 1) * valueBytesMax);
      if (n === 0) stamp(part, 0, batch);
      this.staged.push({ token, n, bytes: part });
      checksums.push(checksum(part));
    }
    const entry = { ...entryOf(batch, bytes.length), position: CHUNK_DATA_START };
    this.#current.add(batch.owner.id, { ...entry, staged: { token, checksums } });
    this.batches.push({ batch, sizeBytes: bytes.length, n: this.#chunks.length });
    this.bytes += bytes.length;
    return true;
  }

  /** Bytes of the commit that are left beside its chunks, once it is sealed. */
  get left(): number {
    return this.#left;
  }

  /** Completes the last chunk and returns all of them. */
  seal(): readonly SealedChunk[] {
    this.#sealCurrent();
    return this.#chunks;
  }

  /** The largest batch that lies in one chunk. */
  get #wholeBytesMax(): number {
    return this.#limits.valueBytesMax - CHUNK_DATA_START - 16 - ENTRY_BYTES_MAX -
      PARTITION_BYTES_MAX;
  }

  #openChunkFor(bytes: number): boolean {
    if (this.#current && this.#current.room() >= bytes) return true;
    const overhead = this.#limits.valueBytesMax - this.#wholeBytesMax;
    return this.#nextChunkBytes(bytes + overhead) > 0 && this.#openChunk(bytes + overhead) !== null;
  }

  /** The size that another chunk may have; 0 when it would be less than `bytesMin`. */
  #nextChunkBytes(bytesMin: number): number {
    const used = this.#current ? this.#current.bytes : 0;
    const bytes = Math.min(this.#limits.valueBytesMax, this.#left - used - CHUNK_KEY_BYTES);
    const count = this.#chunks.length + (this.#current ? 1 : 0);
    return bytes < Math.max(bytesMin, CHUNK_BYTES_MIN) || count >= CHUNKS_PER_COMMIT_MAX
      ? 0
      : bytes;
  }

  #openChunk(bytesMin: number): ChunkBuilder {
    const bytes = this.#nextChunkBytes(Math.min(bytesMin, this.#limits.valueBytesMax));
    this.#sealCurrent();
    return this.#current = new ChunkBuilder(this.#arena.take().subarray(0, bytes));
  }

  #sealCurrent(): void {
    if (!this.#current) return;
    const { bytes, locals } = this.#current.seal();
    this.#left -= bytes.length + CHUNK_KEY_BYTES;
    this.#chunks.push({ bytes: this.#arena.keep(bytes), locals });
    this.#current = null;
  }

  /** Bytes of one large batch that still fit, spread over chunks. */
  #room(): number {
    const overhead = CHUNK_DATA_START + 16 + ENTRY_BYTES_MAX + PARTITION_BYTES_MAX;
    let room = Math.max(0, this.#current?.room() ?? 0);
    let left = this.#left - (this.#current ? this.#current.bytes + room : 0);
    let count = this.#chunks.length + (this.#current ? 1 : 0);
    while (left - CHUNK_KEY_BYTES >= CHUNK_BYTES_MIN && count++ < CHUNKS_PER_COMMIT_MAX) {
      const bytes = Math.min(this.#limits.valueBytesMax, left - CHUNK_KEY_BYTES);
      room += bytes - overhead;
      left -= bytes + CHUNK_KEY_BYTES;
    }
    // Chunks that are sealed early come out shorter than their bound, never longer: a margin for the bound's own slack.
    return room - CHUNK_BYTES_MIN;
  }

  #addWhole(batch: NewBatch<Owner>, bytes: Uint8Array): void {
    const chunk = this.#current!;
    const position = chunk.write(bytes);
    stamp(chunk.region, position, batch);
    chunk.add(batch.owner.id, {
      ...entryOf(batch, bytes.length),
      position,
      length: bytes.length,
    });
    this.batches.push({ batch, sizeBytes: bytes.length, n: this.#chunks.length });
  }

  #addParts(batch: NewBatch<Owner>, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const chunk = this.#current && this.#current.room() >= CHUNK_BYTES_MIN
        ? this.#current
        : this.#openChunk(CHUNK_BYTES_MIN);
      const part = bytes.subarray(at, at + chunk.room());
      const position = chunk.write(part);
      if (at === 0) {
        stamp(chunk.region, position, batch);
        this.batches.push({ batch, sizeBytes: bytes.length, n: this.#chunks.length });
      }
      chunk.add(batch.owner.id, {
        ...entryOf(batch, bytes.length),
        position,
        length: part.length,
        partPosition: at,
      });
      at += part.length;
    }
  }
}

function entryOf(batch: BatchFacts, sizeBytes: number): ChunkEntry {
  return {
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    leaderEpoch: batch.leaderEpoch,
    maxTimestampMs: batch.maxTimestampMs,
    sizeBytes,
    position: 0,
    length: 0,
    partPosition: 0,
    crc: batch.crc,
    staged: null,
    producer: batch.producer,
  };
}

function stamp(region: Uint8Array, position: number, batch: BatchFacts): void {
  writeBaseOffset(region, batch.baseOffset, position);
  writeLeaderEpoch(region, batch.leaderEpoch, position);
}
