/**
 * Taking records out of a batch, as compaction does.
 *
 * @module
 */
import { GrowingBytes } from "../compression/output.ts";
import {
  AT,
  attributesOf,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_END,
  type BatchHeader,
  codecOf,
  timestampType,
  withCodec,
} from "./batch_header.ts";
import { int16At, putInt16, putInt32, putInt64 } from "./big_endian.ts";
import { sealBatch, withRecords } from "./builder.ts";
import type { RecordReader } from "./record_reader.ts";
import { pushVarint, sizeOfVarint } from "./varint.ts";

const DELETE_HORIZON = attributesOf({ deleteHorizon: true });

/** What a batch is to be rewritten with. */
export interface FilterOptions {
  /** When tombstones and markers in it may go (KIP-534), in milliseconds; null = leave the batch as it is there. */
  readonly deleteHorizonMs: number | null;
}

/**
 * A batch with those records of another that `keep` wants. Its offsets, its producer and its sequence numbers stay, so a
 * batch of no records still tells which ones its producer has used; its codec stays, too, but in a batch of no records: no
 * bytes are no compressed data to most clients. (Kafka: `MemoryRecords.writeEmptyHeader`.)
 *
 * @param records stands before the first record of `batch`, and is used up.
 * @throws RangeError when a record is malformed.
 */
export function filterBatch(
  batch: Uint8Array,
  header: BatchHeader,
  records: RecordReader,
  keep: (record: RecordReader) => boolean,
  { deleteHorizonMs }: FilterOptions,
): Uint8Array {
  const output = new GrowingBytes(BATCH_HEADER_BYTES + records.bytes.length);
  output.push(batch.subarray(0, BATCH_HEADER_BYTES));
  const baseTimestampMs = deleteHorizonMs ?? header.baseTimestampMs;
  let count = 0;
  let maxTimestampMs = -1;
  while (records.next()) {
    if (!keep(records)) continue;
    const timestampMs = header.baseTimestampMs + records.timestampDelta;
    pushRecord(output, records, timestampMs - baseTimestampMs);
    maxTimestampMs = Math.max(maxTimestampMs, timestampMs);
    count++;
  }
  const filtered = withRecords(output.written(), codecOf(header), {});
  putInt32(filtered, AT.batchLength, filtered.length - BATCH_LENGTH_END);
  putInt32(filtered, AT.recordCount, count);
  putInt64(filtered, AT.baseTimestamp, baseTimestampMs);
  let attributes = int16At(batch, AT.attributes);
  if (deleteHorizonMs !== null) attributes |= DELETE_HORIZON;
  if (count === 0) attributes = withCodec(attributes, "none");
  putInt16(filtered, AT.attributes, attributes);
  if (timestampType(header) === "CreateTime" && count > 0) {
    putInt64(filtered, AT.maxTimestamp, maxTimestampMs);
  }
  sealBatch(filtered);
  return filtered;
}

/** Copies a record; its timestamp delta may change. */
function pushRecord(output: GrowingBytes, record: RecordReader, timestampDelta: number): void {
  const rest = record.bytes.subarray(record.keyLengthAt, record.recordEnd);
  pushVarint(
    output,
    1 + sizeOfVarint(timestampDelta) + sizeOfVarint(record.offsetDelta) + rest.length,
  );
  output.reserve(1);
  output.bytes[output.length++] = 0; // attributes
  pushVarint(output, timestampDelta);
  pushVarint(output, record.offsetDelta);
  output.push(rest);
}
