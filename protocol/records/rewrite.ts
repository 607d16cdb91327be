/**
 * Changes to a batch that the broker makes before it stores it. All work on a copy.
 *
 * @module
 */
import type { Codec } from "../compression/mod.ts";
import { GrowingBytes } from "../compression/output.ts";
import {
  AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_END,
  type TimestampType,
  withCodec,
  withTimestampType,
} from "./batch_header.ts";
import { int16At, putInt16, putInt32, putInt64 } from "./big_endian.ts";
import { sealBatch, withRecords } from "./builder.ts";
import type { RecordReader } from "./record_reader.ts";
import { pushVarint, sizeOfVarint } from "./varint.ts";

/** A copy of the batch that says when it was appended, or what its records' largest timestamp really is. */
export function withMaxTimestamp(
  batch: Uint8Array,
  type: TimestampType,
  maxTimestampMs: number,
): Uint8Array {
  const copy = new Uint8Array(batch);
  putInt16(copy, AT.attributes, withTimestampType(int16At(copy, AT.attributes), type));
  putInt64(copy, AT.maxTimestamp, maxTimestampMs);
  sealBatch(copy);
  return copy;
}

/** How records are to be stored. */
export interface RewriteOptions {
  /** How to compress them. */
  readonly codec: Codec;
  /** Of gzip and zstd. */
  readonly compressionLevel?: number;
  /** The topic's. */
  readonly timestampType: TimestampType;
  /** Largest timestamp, or the broker's time. */
  readonly maxTimestampMs: number;
}

/**
 * Writes the records anew with offset deltas 0, 1, 2, …, compressed by another codec if that is wanted. Keys, values
 * and headers are copied as bytes.
 *
 * @param records stands before the first record of `batch`, and is used up.
 */
export function rewriteRecords(
  records: RecordReader,
  batch: Uint8Array,
  options: RewriteOptions,
): Uint8Array {
  const output = new GrowingBytes(BATCH_HEADER_BYTES + records.bytes.length);
  output.push(batch.subarray(0, BATCH_HEADER_BYTES));
  while (records.next()) {
    const offsetDelta = records.count - 1;
    const rest = records.bytes.subarray(records.keyLengthAt, records.recordEnd);
    pushVarint(
      output,
      1 + sizeOfVarint(records.timestampDelta) + sizeOfVarint(offsetDelta) + rest.length,
    );
    output.reserve(1);
    output.bytes[output.length++] = 0; // attributes
    pushVarint(output, records.timestampDelta);
    pushVarint(output, offsetDelta);
    output.push(rest);
  }
  const rewritten = withRecords(output.written(), options.codec, options);
  putInt32(rewritten, AT.batchLength, rewritten.length - BATCH_LENGTH_END);
  const attributes = withCodec(int16At(batch, AT.attributes), options.codec);
  putInt16(rewritten, AT.attributes, withTimestampType(attributes, options.timestampType));
  putInt64(rewritten, AT.maxTimestamp, options.maxTimestampMs);
  sealBatch(rewritten);
  return rewritten;
}
