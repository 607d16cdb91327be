/**
 * Chunks: the values that hold record batches, of any partitions of a shard, with a directory of what is where.
 *
 * ```
 * uint8 version · 3 × uint8 0 · uint32 position of the directory · uint32 checksum of the batches
 * uint32 checksum of these 12 bytes and the directory
 * batches, one after another
 * directory: topics (16 bytes each) · partitions (topic, partition, entries, bytes of its section) · sections
 * ```
 * The entries of a partition lie together in its section, so that a reader decodes only those. When the checksum of the
 * batches does not hold, each batch is looked at: by its own CRC-32C, which its entry repeats together with the header
 * fields that it leaves out. So damage costs the batch that it hit, and no other.
 *
 * @module
 */
import { crc32c } from "../../protocol/records/crc32c.ts";
import { AT, readBatchHeader } from "../../protocol/records/batch_header.ts";
import { uuidFromBytes, uuidToBytes } from "../../protocol/uuid.ts";
import { ByteReader, ByteWriter, putUint32, uint32At } from "./binary.ts";
import { checksum } from "./checksum.ts";
import type { PartitionId } from "./partition_log.ts";
import type { ProducerFacts } from "./producer_states.ts";

const VERSION = 1;
/** Where the batches of a chunk begin. */
export const CHUNK_DATA_START = 16;
const DIRECTORY_POSITION_AT = 4;
const DATA_CHECKSUM_AT = 8;
const DIRECTORY_CHECKSUM_AT = 12;

/** Upper bound of what an entry takes in the directory, but for the list of a staged batch. */
export const ENTRY_BYTES_MAX = 72;
/** Upper bound of what a partition that is new to a chunk takes in its directory. */
export const PARTITION_BYTES_MAX = 32;

const HAS_PRODUCER = 1;
const TRANSACTIONAL = 2;
const MARKER = 4;
const COMMIT_MARKER = 8;
const PART = 16;
const STAGED = 32;

/** A batch, or a part of one, in a chunk. */
export interface ChunkEntry {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestampMs: number;
  /** Bytes of the whole batch. */
  readonly sizeBytes: number;
  /** Where the bytes lie in the chunk. */
  readonly position: number;
  /** Bytes that lie in this chunk: 0 for a staged batch. */
  readonly length: number;
  /** Where in its batch this part begins; 0 for a whole batch. */
  readonly partPosition: number;
  /** The batch's own CRC-32C. */
  readonly crc: number;
  readonly staged: StagedParts | null;
  readonly producer: ProducerFacts | null;
}

/** Where a batch too large for a commit lies: as parts under staging keys with this token. */
export interface StagedParts {
  readonly token: Uint8Array;
  /** Checksum of each part. */
  readonly checksums: readonly number[];
}

/** The entries that a chunk has of one partition. */
export interface ChunkPartition {
  readonly id: PartitionId;
  readonly entries: readonly ChunkEntry[];
}

/** Whether an entry is a whole batch that lies in its chunk. */
export function isWhole(entry: ChunkEntry): boolean {
  return entry.staged === null && entry.length === entry.sizeBytes;
}

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
    const region = this.#region;
    region.fill(0, 0, CHUNK_DATA_START);
    region[0] = VERSION;
    putUint32(region, DIRECTORY_POSITION_AT, this.#end);
    region.set(directory, this.#end);
    const bytes = region.subarray(0, this.#end + directory.length);
    putUint32(bytes, DATA_CHECKSUM_AT, checksum(bytes, CHUNK_DATA_START, this.#end));
    putUint32(bytes, DIRECTORY_CHECKSUM_AT, directoryChecksum(bytes, this.#end));
    return { bytes, locals };
  }
}

function directoryChecksum(bytes: Uint8Array, position: number): number {
  return checksum(bytes, position, bytes.length, checksum(bytes, 0, DIRECTORY_CHECKSUM_AT));
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

function writeEntry(writer: ByteWriter, entry: ChunkEntry, nextOffset: number): void {
  const { producer, staged } = entry;
  const marker = producer?.marker ?? null;
  const part = staged === null && entry.length !== entry.sizeBytes;
  writer.varint(
    (producer ? HAS_PRODUCER : 0) | (producer?.transactional ? TRANSACTIONAL : 0) |
      (marker ? MARKER : 0) | (marker?.committed ? COMMIT_MARKER : 0) |
      (part ? PART : 0) | (staged ? STAGED : 0),
  );
  writer.signed(entry.baseOffset - nextOffset);
  writer.varint(entry.lastOffset - entry.baseOffset);
  writer.varint(entry.leaderEpoch);
  writer.signed(entry.maxTimestampMs);
  writer.varint(entry.sizeBytes);
  writer.varint(entry.position);
  writer.uint32(entry.crc);
  if (part) {
    writer.varint(entry.length);
    writer.varint(entry.partPosition);
  }
  if (staged) {
    writer.raw(staged.token);
    writer.varint(staged.checksums.length);
    for (const each of staged.checksums) writer.uint32(each);
  }
  if (producer) {
    writer.int64(producer.producerId);
    writer.signed(producer.producerEpoch);
    writer.signed(producer.baseSequence);
  }
  if (marker) writer.signed(marker.coordinatorEpoch);
}

function readEntry(reader: ByteReader, nextOffset: number, withProducer: boolean): ChunkEntry {
  const flags = reader.varint();
  const baseOffset = nextOffset + reader.signed();
  const lastOffset = baseOffset + reader.varint();
  const leaderEpoch = reader.varint();
  const maxTimestampMs = reader.signed();
  const sizeBytes = reader.varint();
  const position = reader.varint();
  const crc = reader.uint32();
  const length = flags & PART ? reader.varint() : flags & STAGED ? 0 : sizeBytes;
  const partPosition = flags & PART ? reader.varint() : 0;
  const staged = flags & STAGED ? readStaged(reader) : null;
  const facts = { baseOffset, lastOffset, timestampMs: maxTimestampMs };
  let producer: ProducerFacts | null = null;
  if (flags & HAS_PRODUCER) {
    if (withProducer) producer = { ...facts, ...readProducer(reader, flags) };
    else skipProducer(reader, flags);
  }
  return {
    baseOffset,
    lastOffset,
    leaderEpoch,
    maxTimestampMs,
    sizeBytes,
    position,
    length,
    partPosition,
    crc,
    staged,
    producer,
  };
}

function readProducer(reader: ByteReader, flags: number) {
  return {
    producerId: reader.int64(),
    producerEpoch: reader.signed(),
    baseSequence: reader.signed(),
    transactional: (flags & TRANSACTIONAL) !== 0,
    marker: flags & MARKER
      ? { committed: (flags & COMMIT_MARKER) !== 0, coordinatorEpoch: reader.signed() }
      : null,
  };
}

function skipProducer(reader: ByteReader, flags: number): void {
  reader.skip(8);
  reader.varint();
  reader.varint();
  if (flags & MARKER) reader.varint();
}

function readStaged(reader: ByteReader): StagedParts {
  const token = reader.raw(16);
  const checksums = Array.from({ length: reader.varint() }, () => reader.uint32());
  return { token, checksums };
}

/** A stored chunk in memory. */
export class Chunk {
  readonly bytes: Uint8Array;
  /** Positions of entries whose bytes are damaged; `"all"` when the directory is. */
  readonly damage: ReadonlySet<number> | "all" | null;

  private constructor(bytes: Uint8Array, damage: ReadonlySet<number> | "all" | null) {
    this.bytes = bytes;
    this.damage = damage;
  }

  /** A chunk that was written by this process, so its bytes are known to be good. */
  static written(bytes: Uint8Array): Chunk {
    return new Chunk(bytes, null);
  }

  /** A chunk that comes from the store: all its bytes are checked, and damage is noted. */
  static loaded(bytes: Uint8Array): Chunk {
    if (!directoryIsSound(bytes)) return new Chunk(bytes, "all");
    const dataEnd = uint32At(bytes, DIRECTORY_POSITION_AT);
    if (checksum(bytes, CHUNK_DATA_START, dataEnd) === uint32At(bytes, DATA_CHECKSUM_AT)) {
      return new Chunk(bytes, null);
    }
    const damaged = new Set<number>();
    for (const { entries } of chunkPartitions(bytes)) {
      for (const entry of entries) {
        if (entry.length > 0 && !batchIsSound(bytes, entry)) damaged.add(entry.position);
      }
    }
    return new Chunk(bytes, damaged);
  }

  /** Where the batches end. */
  get dataEnd(): number {
    return uint32At(this.bytes, DIRECTORY_POSITION_AT);
  }

  isDamagedAt(position: number): boolean {
    return this.damage !== null && (this.damage === "all" || this.damage.has(position));
  }

  /** The entries of the partition with the number `local`, without what they say of producers: reads do not need it. */
  entriesOf(local: number): readonly ChunkEntry[] {
    if (this.damage === "all") return [];
    const reader = new ByteReader(this.bytes, this.dataEnd);
    reader.skip(reader.varint() * 16);
    const partitions = reader.varint();
    let count = 0;
    let before = 0;
    for (let at = 0; at < partitions; at++) {
      reader.varint();
      reader.varint();
      const entries = reader.varint();
      const bytes = reader.varint();
      if (at === local) count = entries;
      else if (at < local) before += bytes;
    }
    reader.skip(before);
    return readSection(reader, count, false);
  }
}

function readSection(reader: ByteReader, count: number, withProducers: boolean): ChunkEntry[] {
  const entries: ChunkEntry[] = [];
  let nextOffset = 0;
  for (let left = count; left > 0; left--) {
    const entry = readEntry(reader, nextOffset, withProducers);
    nextOffset = entry.lastOffset + 1;
    entries.push(entry);
  }
  return entries;
}

/** Whether the header and the directory of a chunk are what was written. */
export function directoryIsSound(bytes: Uint8Array): boolean {
  if (bytes.length < CHUNK_DATA_START || bytes[0] !== VERSION) return false;
  const position = uint32At(bytes, DIRECTORY_POSITION_AT);
  return position >= CHUNK_DATA_START && position <= bytes.length &&
    uint32At(bytes, DIRECTORY_CHECKSUM_AT) === directoryChecksum(bytes, position);
}

/** Everything that the directory of a sound chunk tells, in the order of the partitions' numbers. */
export function chunkPartitions(bytes: Uint8Array): ChunkPartition[] {
  const reader = new ByteReader(bytes, uint32At(bytes, DIRECTORY_POSITION_AT));
  const topics = Array.from(
    { length: reader.varint() },
    () => uuidFromBytes(reader.raw(16)),
  );
  const heads = Array.from({ length: reader.varint() }, () => {
    const id = { topicId: topics[reader.varint()], partition: reader.varint() };
    const head = { id, count: reader.varint() };
    reader.varint();
    return head;
  });
  return heads.map(({ id, count }) => ({ id, entries: readSection(reader, count, true) }));
}

/** Whether the bytes of an entry are a whole batch, and the one that was written. */
function batchIsSound(chunk: Uint8Array, entry: ChunkEntry): boolean {
  if (!isWhole(entry)) return false; // a part has no checksum of its own
  const bytes = chunk.subarray(entry.position, entry.position + entry.length);
  try {
    const header = readBatchHeader(bytes);
    return header.baseOffset === entry.baseOffset && header.sizeBytes === entry.sizeBytes &&
      header.partitionLeaderEpoch === entry.leaderEpoch && header.crc === entry.crc &&
      crc32c(bytes, AT.attributes, entry.sizeBytes) === entry.crc;
  } catch {
    return false;
  }
}
