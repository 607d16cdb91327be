/**
 * Fills chunks.
 *
 * @module
 */
import { uuidToBytes } from "../../protocol/uuid.ts";
import { ByteWriter } from "./binary.ts";
import { CHUNK_DATA_START, sealChunk } from "./chunk.ts";
import { type ChunkEntry, ENTRY_BYTES_MAX, writeEntry } from "./chunk_entry.ts";
import type { PartitionId } from "./partition_log.ts";

/** Upper bound of what a partition that is new to a chunk takes in its directory. */
export const PARTITION_BYTES_MAX = 32;

/** Fills one chunk, in place: what it is given to write into becomes the stored value and the memory that is read from. */
export class ChunkBuilder {
  readonly #region: Uint8Array;
  readonly #partitions = new Map<PartitionId, ChunkEntry[]>();
  #end = CHUNK_DATA_START;
  #directoryBytes = 16;

  constructor(region: Uint8Array) {
    this.#region = region;
  }

  /** Bytes of batches that still fit, if they become `entries` more entries. */
  room(entries = 1): number {
    return this.#region.length - this.#end - this.#directoryBytes -
      entries * (ENTRY_BYTES_MAX + PARTITION_BYTES_MAX);
  }

  get empty(): boolean {
    return this.#partitions.size === 0;
  }

  /** Upper bound of the bytes that it will have. */
  get bytes(): number {
    return this.#end + this.#directoryBytes;
  }

  /** Copies bytes in and returns where they lie; the caller makes an entry of them. */
  write(bytes: Uint8Array): number {
    const position = this.#end;
    this.#region.set(bytes, position);
    this.#end += bytes.length;
    return position;
  }

  /** The buffer that is being filled. */
  get region(): Uint8Array {
    return this.#region;
  }

  /** `partition` by identity: one object per partition. */
  add(partition: PartitionId, entry: ChunkEntry): void {
    const entries = this.#partitions.get(partition);
    this.#directoryBytes += ENTRY_BYTES_MAX +
      (entry.staged ? entry.staged.checksums.length * 4 : 0);
    if (entries) entries.push(entry);
    else {
      this.#partitions.set(partition, [entry]);
      this.#directoryBytes += PARTITION_BYTES_MAX;
    }
  }

  /** Writes the directory. The chunk is complete: returns its bytes, and the number of each partition in it. */
  seal(): { readonly bytes: Uint8Array; readonly locals: ReadonlyMap<PartitionId, number> } {
    const { directory, locals } = encodeDirectory(this.#partitions);
    const bytes = sealChunk(this.#region, this.#end, directory);
    return { bytes, locals };
  }
}

function encodeDirectory(partitions: ReadonlyMap<PartitionId, readonly ChunkEntry[]>) {
  const topics = new Map<string, number>();
  const locals = new Map<PartitionId, number>();
  const dictionary = new ByteWriter(partitions.size * PARTITION_BYTES_MAX);
  const sections = new ByteWriter(partitions.size * ENTRY_BYTES_MAX);
  for (const [id, entries] of partitions) {
    let topic = topics.get(id.topicId);
    if (topic === undefined) topics.set(id.topicId, topic = topics.size);
    const start = sections.length;
    let nextOffset = 0;
    for (const entry of entries) {
      writeEntry(sections, entry, nextOffset);
      nextOffset = entry.lastOffset + 1;
    }
    locals.set(id, locals.size);
    dictionary.varint(topic);
    dictionary.varint(id.partition);
    dictionary.varint(entries.length);
    dictionary.varint(sections.length - start);
  }
  const directory = new ByteWriter(dictionary.length + sections.length + topics.size * 16 + 16);
  directory.varint(topics.size);
  for (const topicId of topics.keys()) directory.raw(uuidToBytes(topicId));
  directory.varint(partitions.size);
  directory.raw(dictionary.written);
  directory.raw(sections.written);
  return { directory: directory.written, locals };
}
