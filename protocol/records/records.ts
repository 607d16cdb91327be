/**
 * The records of a batch, decoded.
 *
 * @module
 */
import { decompress, DEFAULT_INFLATE_LIMITS, type InflateLimits } from "../compression/mod.ts";
import { KafkaError } from "../errors.ts";
import {
  AT,
  BATCH_HEADER_BYTES,
  type BatchHeader,
  codecOf,
  readBatchHeader,
  timestampType,
} from "./batch_header.ts";
import { crc32c } from "./crc32c.ts";
import { RecordReader } from "./record_reader.ts";
import { VarintReader } from "./varint.ts";

/** A name and bytes beside key and value. Names may repeat, and keep their order. */
export interface RecordHeader {
  /** UTF-8 on the wire. */
  readonly key: string;
  /** null = none. */
  readonly value: Uint8Array | null;
}

/** One record of a log. */
export interface LogRecord {
  /** Position in the partition's log. */
  readonly offset: number;
  /** -1 = none. */
  readonly timestampMs: number;
  /** null = none. */
  readonly key: Uint8Array | null;
  /** null = a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order of the producer. */
  readonly headers: readonly RecordHeader[];
}

const NO_HEADERS: readonly RecordHeader[] = [];
/** A byte order mark is part of a name like any other character. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Iterates over the records of one batch; `batch` begins with its header. Keys and values are views into `batch`, or
 * into what it was inflated to. The CRC is not looked at: see {@linkcode checkCrc}.
 *
 * @throws RangeError when the batch or a record is malformed.
 * @throws KafkaError when the records do not inflate: CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE beyond `limits`, or
 * UNSUPPORTED_COMPRESSION_TYPE.
 */
export function* recordsIn(
  batch: Uint8Array,
  limits: InflateLimits = DEFAULT_INFLATE_LIMITS,
): Generator<LogRecord, void, undefined> {
  const header = readBatchHeader(batch);
  const logAppendTimeMs = timestampType(header) === "LogAppendTime" ? header.maxTimestampMs : null;
  const records = recordReader(batch, header, limits);
  while (records.next()) {
    yield {
      offset: header.baseOffset + records.offsetDelta,
      timestampMs: logAppendTimeMs ?? header.baseTimestampMs + records.timestampDelta,
      key: records.key,
      value: records.value,
      headers: records.headerCount === 0 ? NO_HEADERS : readHeaders(records),
    };
  }
}

/**
 * A reader on the first of the batch's records, which are inflated if need be. The quick way through a batch, for who
 * does not need decoded records.
 *
 * @throws RangeError, KafkaError as {@linkcode recordsIn}.
 */
export function recordReader(
  batch: Uint8Array,
  header: BatchHeader,
  limits: InflateLimits = DEFAULT_INFLATE_LIMITS,
): RecordReader {
  if (header.sizeBytes > batch.length) {
    throw new RangeError(`Batch of ${header.sizeBytes} bytes has only ${batch.length}`);
  }
  const codec = codecOf(header);
  if (codec === "none" || header.sizeBytes === BATCH_HEADER_BYTES) {
    return new RecordReader(batch, BATCH_HEADER_BYTES, header.sizeBytes, header.recordCount);
  }
  const records = decompress(codec, batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes), limits);
  return new RecordReader(records, 0, records.length, header.recordCount);
}

/**
 * Compares the checksum in the header with that of the bytes.
 *
 * @throws KafkaError CORRUPT_MESSAGE when they differ, or the batch is not all there.
 */
export function checkCrc(
  batch: Uint8Array,
  header: Pick<BatchHeader, "baseOffset" | "sizeBytes" | "crc">,
): void {
  if (header.sizeBytes > batch.length) {
    throw new KafkaError("CORRUPT_MESSAGE", `Batch at offset ${header.baseOffset} is cut short`);
  }
  const crc = crc32c(batch, AT.attributes, header.sizeBytes);
  if (crc !== header.crc) {
    throw new KafkaError(
      "CORRUPT_MESSAGE",
      `Batch at offset ${header.baseOffset} has CRC ${crc}, but says ${header.crc}`,
    );
  }
}

function view(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
  return length < 0 ? null : bytes.subarray(at, at + length);
}

function readHeaders(record: RecordReader): RecordHeader[] {
  const varints = new VarintReader(record.bytes, record.headersAt, record.recordEnd);
  const next = (): Uint8Array | null => {
    const length = varints.varint();
    const bytes = view(record.bytes, varints.position, length);
    if (length > 0) varints.position += length;
    return bytes;
  };
  const headers: RecordHeader[] = [];
  for (let i = 0; i < record.headerCount; i++) {
    const key = next();
    headers.push({ key: decoder.decode(key ?? undefined), value: next() });
  }
  return headers;
}
