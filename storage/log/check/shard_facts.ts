/**
 * Everything that the values of one shard say, gathered in one pass over them; each is checked by itself on the way.
 *
 * @module
 */
import { checksum } from "../../checksum.ts";
import { decodeHead } from "../../chain/head.ts";
import { keyParts } from "../../kv/key.ts";
import type { KvEntry } from "../../kv/kv.ts";
import { batchIsSound, Chunk, soundPartitions } from "../chunk.ts";
import { type ChunkEntry, isWhole } from "../chunk_entry.ts";
import { chunkRef, CLEANED_FIRST, numbersOf } from "../keys.ts";
import { decodeLogStart } from "../log_start.ts";
import { partitionName } from "../partition_index.ts";
import type { PartitionId } from "../partition_log.ts";
import { decodePublication } from "../publication.ts";
import { decodeSummary, type SegmentHead, type SummaryEntry } from "../segment_summary.ts";
import { decodeOpenSegment, type OpenSegment } from "../shard_catalogue.ts";
import { decodeTombstone } from "../tombstone.ts";
import { keyName } from "./key_name.ts";
import type { DamagedValue } from "./report.ts";

/** A batch that a chunk holds, begins, or points at. */
export interface FoundBatch {
  readonly id: PartitionId;
  readonly ref: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** A batch in parts: those of its bytes that were found. */
interface PartedBatch extends FoundBatch {
  readonly sizeBytes: number;
  foundBytes: number;
}

/** A batch that was too large for its commit. */
interface StagedBatch extends FoundBatch {
  readonly checksums: readonly number[];
  readonly found: Set<number>;
}

/** A key, and the bytes of its value. */
export interface KeyAndSize {
  readonly key: Uint8Array;
  readonly bytes: number;
}

/** A page of a summary. */
interface SummaryPage {
  readonly head: SegmentHead;
  readonly entries: readonly SummaryEntry[];
}

/** What was found of one shard. Entries are given to it in the order of their keys, HEAD before all. */
export class ShardFacts {
  head: OpenSegment | null = null;
  readonly damage: DamagedValue[] = [];
  /** Chunks with a sound directory. */
  readonly chunks = new Set<number>();
  readonly unreadableChunks = new Set<number>();
  readonly damagedBatches: FoundBatch[] = [];
  /** Batches that begin in the open segment, in order. */
  readonly openBatches: FoundBatch[] = [];
  readonly staged = new Map<string, StagedBatch>();
  readonly summaries: SummaryPage[] = [];
  /** Pages of details, by segment. */
  readonly details = new Map<number, Map<number, Uint8Array>>();
  readonly publications = new Map<number, readonly number[]>();
  readonly removed = new Set<string>();
  readonly logStarts = new Map<string, { readonly id: PartitionId; readonly offset: number }>();
  /** Keys by kind. */
  readonly keys = new Map<string, KeyAndSize[]>();
  readonly #parted = new Map<string, PartedBatch>();

  constructor(readonly store: string, readonly shard: number) {}

  /** Takes HEAD in: first of all, because it tells which segment is open. */
  takeHead(entry: KvEntry | null, key: Uint8Array): void {
    if (entry === null) this.#damaged(key, "HEAD is missing");
    else {
      this.#try(entry.key, () => {
        this.head = decodeOpenSegment(decodeHead(entry.value).state);
      });
    }
  }

  /** Takes any other value of the shard in. */
  take({ key, value }: KvEntry): void {
    const [kind] = keyParts(key) as [string];
    const keys = this.keys.get(kind);
    if (keys) keys.push({ key, bytes: value.length });
    else this.keys.set(kind, [{ key, bytes: value.length }]);
    const { major, minor } = numbersOf(key);
    switch (kind) {
      case "c":
        return this.#takeChunk(key, value, chunkRef(major, minor));
      case "s":
        return this.#takePart(key, value, minor);
      case "d":
        return this.#takeDetails(major, minor, value);
      case "m":
        this.#try(key, () => this.summaries.push(decodeSummary(value)));
        return;
      case "k":
        this.#try(key, () => this.publications.set(minor, decodePublication(value)));
        return;
      case "r":
        this.#try(key, () => {
          for (const id of decodeTombstone(value, minor).ids) this.removed.add(partitionName(id));
        });
        return;
      case "b":
        this.#takeLogStart(key, value);
    }
  }

  /** All values were taken in. */
  end(): void {
    for (const batch of this.#parted.values()) {
      if (batch.foundBytes !== batch.sizeBytes) this.damagedBatches.push(batch);
    }
    for (const batch of this.staged.values()) {
      if (batch.found.size !== batch.checksums.length) this.damagedBatches.push(batch);
    }
  }

  #takeChunk(key: Uint8Array, value: Uint8Array, ref: number): void {
    const chunk = Chunk.loaded(value);
    const partitions = chunk.damage === "all" ? null : soundPartitions(value);
    if (partitions === null) {
      this.unreadableChunks.add(ref);
      this.#damaged(key, "The directory of a chunk is damaged");
      return;
    }
    this.chunks.add(ref);
    let batches = 0;
    for (const { id, entries } of partitions) {
      for (const entry of entries) {
        const wrong = isWhole(entry) && chunk.damage === null && !batchIsSound(value, entry);
        const damaged = wrong || entry.length > 0 && chunk.isDamagedAt(entry.position);
        if (damaged) batches++;
        this.#takeBatch(id, entry, ref, damaged);
      }
    }
    if (chunk.damage !== null || batches > 0) {
      this.#damaged(key, batches === 1 ? "A batch is damaged" : `${batches} batches are damaged`);
    }
  }

  #takeBatch(id: PartitionId, entry: ChunkEntry, ref: number, damaged: boolean): void {
    const { baseOffset, lastOffset, sizeBytes, length, staged, partPosition } = entry;
    const batch: FoundBatch = { id, ref, baseOffset, lastOffset };
    if (staged) {
      const { token, checksums } = staged;
      this.staged.set(token.toHex(), { ...batch, checksums, found: new Set() });
    } else if (length !== sizeBytes) {
      const name = `${partitionName(id)}/${baseOffset}/${Math.floor(ref / 64)}`;
      const parted = this.#parted.get(name) ?? { ...batch, sizeBytes, foundBytes: 0 };
      if (!damaged) parted.foundBytes += length;
      this.#parted.set(name, parted);
    } else if (damaged) this.damagedBatches.push(batch);
    const isOpen = this.head !== null && ref >= chunkRef(this.head.firstSequence, 0) &&
      ref < chunkRef(CLEANED_FIRST, 0);
    if (isOpen && partPosition === 0) this.openBatches.push(batch);
  }

  #takePart(key: Uint8Array, value: Uint8Array, n: number): void {
    const token = (keyParts(key)[3] as Uint8Array).toHex();
    const batch = this.staged.get(token);
    if (!batch) return; // an orphan
    if (checksum(value) === batch.checksums[n]) batch.found.add(n);
    else this.#damaged(key, "A part of a large batch is damaged");
  }

  #takeDetails(segment: number, n: number, value: Uint8Array): void {
    const pages = this.details.get(segment) ?? new Map<number, Uint8Array>();
    pages.set(n, value);
    this.details.set(segment, pages);
  }

  #takeLogStart(key: Uint8Array, value: Uint8Array): void {
    this.#try(key, () => {
      const [, , topicId, partition] = keyParts(key) as [string, number, string, number];
      const id = { topicId, partition };
      this.logStarts.set(partitionName(id), { id, offset: decodeLogStart(value) });
    });
  }

  #try(key: Uint8Array, take: () => void): void {
    try {
      take();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#damaged(key, error.message);
    }
  }

  #damaged(key: Uint8Array, what: string): void {
    this.damage.push({ store: this.store, key, name: keyName(key), what });
  }
}
