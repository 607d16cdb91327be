/**
 * The entries of a chunk's directory: one per batch, or part of a batch, and how they are stored.
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "./binary.ts";
import type { ProducerFacts } from "./producer_states.ts";

/** Upper bound of what an entry takes in the directory, but for the list of a staged batch. */
export const ENTRY_BYTES_MAX = 72;

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

/** Whether an entry is a whole batch that lies in its chunk. */
export function isWhole(entry: ChunkEntry): boolean {
  return entry.staged === null && entry.length === entry.sizeBytes;
}

/** Writes an entry; `nextOffset` is what the entry before makes one expect. */
export function writeEntry(writer: ByteWriter, entry: ChunkEntry, nextOffset: number): void {
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

/** Reads the entries of one partition. */
export function readEntries(
  reader: ByteReader,
  count: number,
  withProducers: boolean,
): ChunkEntry[] {
  const entries: ChunkEntry[] = [];
  let nextOffset = 0;
  for (let left = count; left > 0; left--) {
    const entry = readEntry(reader, nextOffset, withProducers);
    nextOffset = entry.lastOffset + 1;
    entries.push(entry);
  }
  return entries;
}
