/**
 * One read of a partition: walks its batches from an offset on, as far as they are in memory, says what it misses, and goes
 * on when that was loaded.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { type Chunk, CHUNK_DATA_START } from "./chunk.ts";
import { type ChunkEntry, isWhole, type StagedParts } from "./chunk_entry.ts";
import { sequenceOf } from "./keys.ts";
import {
  type ClosedPart,
  OpenPart,
  type PartitionIndex,
  type Run,
  type Runs,
} from "./partition_index.ts";
import type { LogRead } from "./partition_log.ts";
import { ReadSlices } from "./read_slices.ts";
import type { ShardReader } from "./shard_reader.ts";

/** Where a read takes details, chunks and parts from. */
export type StoredBytes = Pick<
  ShardReader,
  | "cachedDetail"
  | "detail"
  | "cachedChunk"
  | "chunks"
  | "cachedParts"
  | "parts"
  | "prepare"
  | "noteLoads"
>;

/** What to read: see `PartitionLog.read`. */
export interface ReadRequest {
  readonly offset: number;
  readonly beforeOffset: number;
  readonly maxBytes: number;
  readonly minOneBatch: boolean;
}

/** What a read misses. */
type Missing =
  | { readonly kind: "detail"; readonly part: ClosedPart }
  | { readonly kind: "chunks"; readonly refs: readonly number[] }
  | { readonly kind: "staged"; readonly sequence: number; readonly parts: StagedParts };

/** The bytes of a batch, in one or several pieces. */
type Taken = readonly Piece[];

/** Bytes from `start` to `end`. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Chunks asked for ahead of need, at most. */
const AHEAD_MAX = 40;

const READ_AHEAD_BYTES_MAX = 1_048_576;

/** One read. What was loaded for it is held until it is past it, whatever the cache does. */
export class ReadCursor {
  readonly #index: PartitionIndex;
  readonly #reader: StoredBytes;
  readonly #request: ReadRequest;
  readonly #chunks = new Map<number, Chunk>();
  /** The chunk being read. */
  #ref = -1;
  readonly #details = new Map<ClosedPart, Runs>();
  readonly #staged = new Map<string, (Uint8Array | null)[]>();
  readonly #slices = new ReadSlices();
  #bytes = 0;
  #nextOffset: number;
  #full = false;
  /** The part being read. */
  #part: ClosedPart | OpenPart | null = null;
  /** The cleaner has replaced it meanwhile. */
  #moved = false;

  constructor(index: PartitionIndex, reader: StoredBytes, request: ReadRequest) {
    this.#index = index;
    this.#reader = reader;
    this.#request = request;
    this.#nextOffset = request.offset;
  }

  /** What was read. Called once, at the end. */
  finish(): LogRead {
    return { slices: this.#slices.finish(), bytes: this.#bytes, nextOffset: this.#nextOffset };
  }

  /** Reads what is in memory. Returns what is missing to go on, or null when the read is complete. */
  collect(): Missing | null {
    while (!this.#done()) {
      const part = this.#part = this.#index.partAt(this.#nextOffset);
      this.#moved = false;
      if (part === null) return null;
      const runs = this.#runsOf(part);
      if (!runs) return { kind: "detail", part: part as ClosedPart };
      const missing = this.#collectRuns(part, runs);
      if (missing) return missing;
      if (!this.#done() && !this.#moved) {
        this.#nextOffset = Math.max(this.#nextOffset, part.endOffset);
        if (!(part instanceof OpenPart)) this.#details.delete(part);
      }
    }
    return null;
  }

  /** Loads what `collect` missed. */
  async load(missing: Missing): Promise<void> {
    const reader = this.#reader;
    if (missing.kind === "detail") {
      try {
        this.#details.set(missing.part, (await reader.detail(missing.part)).runs);
      } catch (error) {
        if (!this.#isReplaced(missing.part)) throw error;
      }
    } else if (missing.kind === "staged") {
      const parts = await reader.parts(missing.sequence, missing.parts);
      this.#staged.set(missing.parts.token.toHex(), parts);
    } else {
      if (this.#part && !(this.#part instanceof OpenPart)) {
        reader.noteLoads(this.#part.segment, missing.refs.length);
      }
      const chunks = await reader.chunks(missing.refs);
      missing.refs.forEach((ref, at) => this.#chunks.set(ref, chunks[at]));
    }
  }

  /** Begins to load what the next read will want, if this one was cut off by its budget. */
  readAhead(): void {
    if (!this.#full || this.#bytes === 0) return;
    const part = this.#index.partAt(this.#nextOffset);
    const runs = part && this.#runsOf(part);
    if (!runs) return;
    const bytes = Math.min(this.#request.maxBytes, READ_AHEAD_BYTES_MAX);
    const at = Math.max(0, runs.find(this.#nextOffset));
    this.#reader.prepare(this.#wanted(runs, at, bytes), bytes);
  }

  #done(): boolean {
    return this.#full || this.#nextOffset >= this.#request.beforeOffset;
  }

  #runsOf(part: ClosedPart | OpenPart): Runs | undefined {
    if (part instanceof OpenPart) return part.runs;
    return this.#details.get(part) ?? this.#reader.cachedDetail(part)?.runs;
  }

  #chunkAt(ref: number): Chunk | undefined {
    return this.#chunks.get(ref) ?? this.#reader.cachedChunk(ref);
  }

  #collectRuns(part: ClosedPart | OpenPart, runs: Runs): Missing | null {
    for (let at = Math.max(0, runs.find(this.#nextOffset)); at < runs.length; at++) {
      const run = runs.at(at);
      if (this.#done() || run.firstOffset >= this.#request.beforeOffset) return null;
      const chunk = this.#chunkAt(run.ref);
      if (!chunk) return { kind: "chunks", refs: this.#ahead(runs, at) };
      this.#enter(run.ref);
      const missing = this.#collectRun(part, run, chunk);
      if (missing || this.#moved) return missing;
    }
    return null;
  }

  /** Lets go of the chunk before: what is wanted of it is taken. */
  #enter(ref: number): void {
    if (ref !== this.#ref) this.#chunks.delete(this.#ref);
    this.#ref = ref;
  }

  #collectRun({ endOffset }: ClosedPart | OpenPart, run: Run, chunk: Chunk): Missing | null {
    const entries = chunk.entriesOf(run.local);
    if (chunk.damage === "all") {
      this.#corrupt(run.firstOffset);
      return null;
    }
    for (const entry of entries) {
      if (entry.partPosition > 0 || entry.lastOffset < this.#nextOffset) continue;
      if (entry.baseOffset >= endOffset) return null; // of another part that shares the chunk
      if (entry.baseOffset >= this.#request.beforeOffset || !this.#fits(entry)) {
        this.#full = true;
        return null;
      }
      const taken = this.#bytesOf(entry, run.ref, chunk);
      if (taken === null) {
        this.#corrupt(entry.baseOffset);
        return null;
      }
      if ("kind" in taken) return taken;
      for (const { bytes, start, end } of taken) this.#slices.add(bytes, start, end);
      if (entry.staged) this.#staged.delete(entry.staged.token.toHex());
      this.#bytes += entry.sizeBytes;
      this.#nextOffset = entry.lastOffset + 1;
    }
    return null;
  }

  #fits({ sizeBytes }: ChunkEntry): boolean {
    return this.#bytes + sizeBytes <= this.#request.maxBytes ||
      this.#bytes === 0 && this.#request.minOneBatch;
  }

  /** The bytes of a batch; what is missing of them; null when they are damaged. */
  #bytesOf(entry: ChunkEntry, ref: number, chunk: Chunk): Taken | Missing | null {
    if (entry.staged) return this.#stagedPieces(entry.staged, sequenceOf(ref));
    if (chunk.isDamagedAt(entry.position)) return null;
    const first = { bytes: chunk.bytes, start: entry.position, end: entry.position + entry.length };
    return isWhole(entry) ? [first] : this.#pieces(entry, ref, first);
  }

  #stagedPieces(staged: StagedParts, sequence: number): Taken | Missing | null {
    const parts = this.#staged.get(staged.token.toHex()) ?? this.#reader.cachedParts(staged);
    if (!parts) return { kind: "staged", sequence, parts: staged };
    if (parts.includes(null)) return null;
    return (parts as Uint8Array[]).map((bytes) => ({ bytes, start: 0, end: bytes.length }));
  }

  /** A batch that spans chunks goes on at the beginning of the next chunk of its commit. */
  #pieces(entry: ChunkEntry, ref: number, first: Piece): Taken | Missing | null {
    const pieces = [first];
    let left = entry.sizeBytes - entry.length;
    for (let next = ref + 1; left > 0; next++) {
      const chunk = this.#chunkAt(next);
      if (!chunk) {
        const count = Math.min(Math.ceil(left / DEFAULT_CHUNK_BYTES), AHEAD_MAX);
        const refs = Array.from({ length: count }, (_, at) => next + at);
        return { kind: "chunks", refs: refs.filter((ref) => !this.#chunkAt(ref)) };
      }
      if (chunk.isDamagedAt(CHUNK_DATA_START)) return null;
      const end = Math.min(chunk.dataEnd, CHUNK_DATA_START + left);
      pieces.push({ bytes: chunk.bytes, start: CHUNK_DATA_START, end });
      left -= end - CHUNK_DATA_START;
    }
    return pieces;
  }

  /** What is good before the damage is given; asked for the damage itself, the read fails. */
  #corrupt(offset: number): void {
    this.#moved = this.#part !== null && this.#isReplaced(this.#part);
    if (this.#moved) return;
    if (this.#bytes === 0) {
      const { topicId, partition } = this.#index.id;
      throw new KafkaError(
        "CORRUPT_MESSAGE",
        `The stored batch at offset ${offset} of partition ${partition} of topic ${topicId} is damaged`,
      );
    }
    this.#full = true;
  }

  /**
   * Whether the cleaner has replaced a part since the read began: then what is not there any more is no damage.
   *
   * @throws KafkaError OFFSET_OUT_OF_RANGE when it was not replaced but cut off.
   */
  #isReplaced(part: ClosedPart | OpenPart): boolean {
    if (this.#index.partAt(this.#nextOffset) === part) return false;
    if (this.#nextOffset >= this.#index.logStartOffset) return true;
    throw new KafkaError("OFFSET_OUT_OF_RANGE", `Offset ${this.#nextOffset} was deleted meanwhile`);
  }

  /** The chunks from run `at` on that the rest of the read will want. */
  #ahead(runs: Runs, at: number): number[] {
    return this.#wanted(runs, at, this.#request.maxBytes - this.#bytes);
  }

  /** The chunks of about `bytes` from run `at` on that are not here, but at least the first. */
  #wanted(runs: Runs, at: number, bytes: number): number[] {
    const refs: number[] = [];
    let left = bytes;
    for (let next = at; next < runs.length && refs.length < AHEAD_MAX; next++) {
      const run = runs.at(next);
      if (run.firstOffset >= this.#request.beforeOffset || next > at && left <= 0) break;
      if (!this.#chunkAt(run.ref)) refs.push(run.ref);
      left -= run.bytes;
    }
    return refs;
  }
}

/** Carries a read out: at once when everything is in memory. */
export function readAll(cursor: ReadCursor): LogRead | Promise<LogRead> {
  const missing = cursor.collect();
  return missing === null ? cursor.finish() : readOn(cursor, missing);
}

async function readOn(cursor: ReadCursor, missing: Missing): Promise<LogRead> {
  for (let next: Missing | null = missing; next !== null; next = cursor.collect()) {
    await cursor.load(next);
  }
  return cursor.finish();
}

/** Only for guessing how many chunks a batch spans. */
const DEFAULT_CHUNK_BYTES = 65_536;
