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
import { uuidFromBytes } from "../../protocol/uuid.ts";
import { ByteReader, putUint32, uint32At } from "./binary.ts";
import { checksum } from "../checksum.ts";
import { type ChunkEntry, isWhole, readEntries } from "./chunk_entry.ts";
import type { PartitionId } from "./partition_log.ts";

const VERSION = 1;
/** Where the batches of a chunk begin. */
export const CHUNK_DATA_START = 16;
const DIRECTORY_POSITION_AT = 4;
const DATA_CHECKSUM_AT = 8;
const DIRECTORY_CHECKSUM_AT = 12;

/** The entries that a chunk has of one partition. */
export interface ChunkPartition {
  readonly id: PartitionId;
  readonly entries: readonly ChunkEntry[];
}

/** A stored chunk in memory. */
export class Chunk {
  readonly bytes: Uint8Array;
  #damage: ReadonlySet<number> | "all" | null;

  private constructor(bytes: Uint8Array, damage: ReadonlySet<number> | "all" | null) {
    this.bytes = bytes;
    this.#damage = damage;
  }

  /** Positions of entries whose bytes are damaged; `"all"` when the directory is, as far as was looked. */
  get damage(): ReadonlySet<number> | "all" | null {
    return this.#damage;
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
    const partitions = soundPartitions(bytes);
    if (partitions === null) return new Chunk(bytes, "all");
    for (const { entries } of partitions) {
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

  /**
   * The entries of the partition with the number `local`, without what they say of producers: reads do not need it. None,
   * and `damage` says why, when the directory cannot be read.
   */
  entriesOf(local: number): readonly ChunkEntry[] {
    if (this.damage === "all") return [];
    try {
      return this.#decodeEntriesOf(local);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#damage = "all";
      return [];
    }
  }

  #decodeEntriesOf(local: number): readonly ChunkEntry[] {
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
    return readEntries(reader, count, false);
  }
}

/** Makes a chunk of a buffer that begins with room for its header and holds batches up to `dataEnd`. */
export function sealChunk(buffer: Uint8Array, dataEnd: number, directory: Uint8Array): Uint8Array {
  buffer.fill(0, 0, CHUNK_DATA_START);
  buffer[0] = VERSION;
  putUint32(buffer, DIRECTORY_POSITION_AT, dataEnd);
  buffer.set(directory, dataEnd);
  const bytes = buffer.subarray(0, dataEnd + directory.length);
  putUint32(bytes, DATA_CHECKSUM_AT, checksum(bytes, CHUNK_DATA_START, dataEnd));
  putUint32(bytes, DIRECTORY_CHECKSUM_AT, directoryChecksum(bytes, dataEnd));
  return bytes;
}

/** Whether the header and the directory of a chunk are what was written. */
export function directoryIsSound(bytes: Uint8Array): boolean {
  if (bytes.length < CHUNK_DATA_START || bytes[0] !== VERSION) return false;
  const position = uint32At(bytes, DIRECTORY_POSITION_AT);
  return position >= CHUNK_DATA_START && position <= bytes.length &&
    uint32At(bytes, DIRECTORY_CHECKSUM_AT) === directoryChecksum(bytes, position);
}

/** The batches of a chunk, whatever became of its directory; null when they are damaged. */
export function soundData(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < CHUNK_DATA_START) return null;
  const end = uint32At(bytes, DIRECTORY_POSITION_AT);
  const sound = end >= CHUNK_DATA_START && end <= bytes.length &&
    checksum(bytes, CHUNK_DATA_START, end) === uint32At(bytes, DATA_CHECKSUM_AT);
  return sound ? bytes.subarray(CHUNK_DATA_START, end) : null;
}

/**
 * Everything that the directory of a chunk tells, in the order of the partitions' numbers; null when it is damaged, or says
 * what cannot be: then one chunk is lost, and not all that would be read with it.
 */
export function soundPartitions(bytes: Uint8Array): ChunkPartition[] | null {
  if (!directoryIsSound(bytes)) return null;
  try {
    return chunkPartitions(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Like {@linkcode soundPartitions}, of a directory whose checksum holds.
 *
 * @throws RangeError when it cannot be read all the same.
 */
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
  return heads.map(({ id, count }) => ({ id, entries: readEntries(reader, count, true) }));
}

function directoryChecksum(bytes: Uint8Array, position: number): number {
  return checksum(bytes, position, bytes.length, checksum(bytes, 0, DIRECTORY_CHECKSUM_AT));
}

/** Whether the bytes of an entry are a whole batch, and the one that was written. */
export function batchIsSound(chunk: Uint8Array, entry: ChunkEntry): boolean {
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
