/**
 * The header of a record batch (magic 2, KIP-98): the 61 bytes in front of the records.
 *
 * Base offset and partition leader epoch lie in front of the CRC and outside of it, so that a broker can
 * overwrite them where the batch lies: {@linkcode writeBaseOffset}, {@linkcode writeLeaderEpoch}.
 *
 * @module
 */
import { type Codec, codecFromId, codecId } from "../compression/codec.ts";
import {
  bigInt64At,
  int16At,
  int32At,
  int64At,
  putBigInt64,
  putInt16,
  putInt32,
  putInt64,
  uint32At,
} from "./big_endian.ts";

/** Bytes of a batch in front of its records. */
export const BATCH_HEADER_BYTES = 61;
/** Bytes of a batch that its length field does not count: base offset and the length itself. */
export const BATCH_LENGTH_END = 12;
/** The only record format: message sets of magic 0 and 1 left Kafka with 4.0 (KIP-724). */
export const MAGIC = 2;
/** "No producer id", "no producer epoch", "no sequence", "no timestamp", "no leader epoch". */
export const NONE: number = -1;

/**
 * The largest timestamp that is taken, in milliseconds either side of 1970 (up to the year 144683): the difference of any two
 * is a safe integer.
 */
export const TIMESTAMP_MS_MAX = 2 ** 52 - 1;

/** Where the fields lie, in bytes from the start of the batch. */
export const AT = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

const CODEC_BITS = 0b111;
const LOG_APPEND_TIME_BIT = 1 << 3;
const TRANSACTIONAL_BIT = 1 << 4;
const CONTROL_BIT = 1 << 5;
const DELETE_HORIZON_BIT = 1 << 6;
const SEQUENCE_MAX = 0x7fff_ffff;

/** What the timestamps of a batch mean, by the names of `message.timestamp.type`. */
export type TimestampType = "CreateTime" | "LogAppendTime";

/** The fields in front of a batch's records. Offsets and timestamps are safe integers. */
export interface BatchHeader {
  /** Offset of the first record, as it was before compaction. Outside the CRC. */
  readonly baseOffset: number;
  /** Bytes of the whole batch: 12 + the batch length on the wire. */
  readonly sizeBytes: number;
  /** Outside the CRC; -1 from a producer. */
  readonly partitionLeaderEpoch: number;
  /** Format of the records: always 2. */
  readonly magic: number;
  /** CRC-32C of everything from the attributes to the end; unsigned. */
  readonly crc: number;
  /** Codec, timestamp type and flags: read them through the functions of this module. */
  readonly attributes: number;
  /** Last offset - base offset; survives compaction. */
  readonly lastOffsetDelta: number;
  /** What the records' timestamp deltas add to; the delete horizon when that flag is set. -1 = none. */
  readonly baseTimestampMs: number;
  /** Largest timestamp of the records, or the broker's time (LogAppendTime). -1 = none. */
  readonly maxTimestampMs: number;
  /** -1 = none. */
  readonly producerId: bigint;
  /** -1 = none. */
  readonly producerEpoch: number;
  /** Sequence number of the first record; -1 = none. */
  readonly baseSequence: number;
  /** Records that are really here: fewer than offsets after compaction. */
  readonly recordCount: number;
}

/**
 * Reads the header of the batch at `position`. Only the header's bytes need to be there, and neither the CRC nor the
 * records are looked at.
 *
 * @throws RangeError when there are fewer than 61 bytes, the magic is not 2, the length is less than a header's, or an
 * offset or timestamp is not a safe integer.
 */
export function readBatchHeader(bytes: Uint8Array, position = 0): BatchHeader {
  if (position < 0 || bytes.length - position < BATCH_HEADER_BYTES) {
    throw new RangeError(
      `Batch header needs ${BATCH_HEADER_BYTES} bytes, ${bytes.length - position} are left`,
    );
  }
  const magic = bytes[position + AT.magic];
  if (magic !== MAGIC) throw new RangeError(`Batch has magic ${magic}, not ${MAGIC}`);
  const sizeBytes = batchSizeAt(bytes, position);
  if (sizeBytes < BATCH_HEADER_BYTES) {
    throw new RangeError(`Batch of ${sizeBytes} bytes is smaller than its header`);
  }
  return {
    baseOffset: int64At(bytes, position + AT.baseOffset),
    sizeBytes,
    partitionLeaderEpoch: int32At(bytes, position + AT.partitionLeaderEpoch),
    magic,
    crc: uint32At(bytes, position + AT.crc),
    attributes: int16At(bytes, position + AT.attributes),
    lastOffsetDelta: int32At(bytes, position + AT.lastOffsetDelta),
    baseTimestampMs: int64At(bytes, position + AT.baseTimestamp),
    maxTimestampMs: int64At(bytes, position + AT.maxTimestamp),
    producerId: bigInt64At(bytes, position + AT.producerId),
    producerEpoch: int16At(bytes, position + AT.producerEpoch),
    baseSequence: int32At(bytes, position + AT.baseSequence),
    recordCount: int32At(bytes, position + AT.recordCount),
  };
}

/** Writes all fields of a header, the CRC as it is given. */
export function writeBatchHeader(bytes: Uint8Array, header: BatchHeader, position = 0): void {
  putInt64(bytes, position + AT.baseOffset, header.baseOffset);
  putInt32(bytes, position + AT.batchLength, header.sizeBytes - BATCH_LENGTH_END);
  putInt32(bytes, position + AT.partitionLeaderEpoch, header.partitionLeaderEpoch);
  bytes[position + AT.magic] = header.magic;
  putInt32(bytes, position + AT.crc, header.crc);
  putInt16(bytes, position + AT.attributes, header.attributes);
  putInt32(bytes, position + AT.lastOffsetDelta, header.lastOffsetDelta);
  putInt64(bytes, position + AT.baseTimestamp, header.baseTimestampMs);
  putInt64(bytes, position + AT.maxTimestamp, header.maxTimestampMs);
  putBigInt64(bytes, position + AT.producerId, header.producerId);
  putInt16(bytes, position + AT.producerEpoch, header.producerEpoch);
  putInt32(bytes, position + AT.baseSequence, header.baseSequence);
  putInt32(bytes, position + AT.recordCount, header.recordCount);
}

/** Bytes of the whole batch at `position`, as its length field tells; needs 12 bytes. Not checked in any way. */
export function batchSizeAt(bytes: Uint8Array, position: number): number {
  return BATCH_LENGTH_END + int32At(bytes, position + AT.batchLength);
}

/** Overwrites the base offset in place; the CRC does not cover it. */
export function writeBaseOffset(bytes: Uint8Array, baseOffset: number, position = 0): void {
  putInt64(bytes, position + AT.baseOffset, baseOffset);
}

/** Overwrites the partition leader epoch in place; the CRC does not cover it. */
export function writeLeaderEpoch(bytes: Uint8Array, leaderEpoch: number, position = 0): void {
  putInt32(bytes, position + AT.partitionLeaderEpoch, leaderEpoch);
}

/**
 * How the records are compressed.
 *
 * @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE for a codec id that is not assigned.
 */
export function codecOf(header: Pick<BatchHeader, "attributes">): Codec {
  return codecFromId(header.attributes & CODEC_BITS);
}

/** Whether the batch belongs to a transaction. */
export function isTransactional(header: Pick<BatchHeader, "attributes">): boolean {
  return (header.attributes & TRANSACTIONAL_BIT) !== 0;
}

/** Whether the batch holds a control record, such as a transaction's marker, instead of data. */
export function isControl(header: Pick<BatchHeader, "attributes">): boolean {
  return (header.attributes & CONTROL_BIT) !== 0;
}

/** Whether `baseTimestampMs` is the time after which tombstones and markers may be removed (KIP-534). */
export function hasDeleteHorizon(header: Pick<BatchHeader, "attributes">): boolean {
  return (header.attributes & DELETE_HORIZON_BIT) !== 0;
}

/** Who set the timestamps. */
export function timestampType(header: Pick<BatchHeader, "attributes">): TimestampType {
  return (header.attributes & LOG_APPEND_TIME_BIT) !== 0 ? "LogAppendTime" : "CreateTime";
}

/** Whether an idempotent or transactional producer wrote the batch. */
export function hasProducerId(header: Pick<BatchHeader, "producerId">): boolean {
  return header.producerId > NONE;
}

/** Offset of the last record, as it was before compaction. */
export function lastOffset(header: Pick<BatchHeader, "baseOffset" | "lastOffsetDelta">): number {
  return header.baseOffset + header.lastOffsetDelta;
}

/** Sequence number of the last record; -1 when the batch has none. */
export function lastSequence(
  header: Pick<BatchHeader, "baseSequence" | "lastOffsetDelta">,
): number {
  if (header.baseSequence === NONE) return NONE;
  return incrementSequence(header.baseSequence, header.lastOffsetDelta);
}

/** `sequence` + `increment`, where 0 follows 2147483647. */
export function incrementSequence(sequence: number, increment: number): number {
  return (sequence + increment) % (SEQUENCE_MAX + 1);
}

/** What the attributes of a batch say. */
export interface BatchFlags {
  /** Codec of the records. */
  readonly codec?: Codec;
  /** Who set the timestamps. */
  readonly timestampType?: TimestampType;
  /** Part of a transaction. */
  readonly transactional?: boolean;
  /** Control records instead of data. */
  readonly control?: boolean;
  /** The base timestamp is the delete horizon (KIP-534). */
  readonly deleteHorizon?: boolean;
}

/** Attributes with these flags; left out = no codec, CreateTime, plain data. */
export function attributesOf(flags: BatchFlags): number {
  return codecId(flags.codec ?? "none") |
    (flags.timestampType === "LogAppendTime" ? LOG_APPEND_TIME_BIT : 0) |
    (flags.transactional ? TRANSACTIONAL_BIT : 0) |
    (flags.control ? CONTROL_BIT : 0) |
    (flags.deleteHorizon ? DELETE_HORIZON_BIT : 0);
}

/** The same attributes, but another codec. */
export function withCodec(attributes: number, codec: Codec): number {
  return (attributes & ~CODEC_BITS) | codecId(codec);
}

/** The same attributes, but another timestamp type. */
export function withTimestampType(attributes: number, type: TimestampType): number {
  return type === "LogAppendTime"
    ? attributes | LOG_APPEND_TIME_BIT
    : attributes & ~LOG_APPEND_TIME_BIT;
}
