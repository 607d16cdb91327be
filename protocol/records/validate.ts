/**
 * What a broker checks before it appends a batch that a producer sent.
 *
 * The rules, their order and their error codes are Kafka's (ProduceRequest.validateRecords, UnifiedLog's analysis and
 * LogValidator), with these differences, all towards refusing or repairing what no correct producer sends:
 * - bytes behind the batch are refused; Kafka drops them when they are too few for a batch;
 * - unused attribute bits and the delete horizon are refused, and so is a transactional batch without a producer id or
 *   a producer id without an epoch; Kafka stores them;
 * - offset deltas other than 0, 1, 2, … are rewritten always; Kafka does so only when the records are compressed;
 * - lz4 with linked blocks, which no Java consumer can read, is compressed anew; Kafka answers UNKNOWN_SERVER_ERROR;
 * - records that do not inflate are INVALID_RECORD, and MESSAGE_TOO_LARGE if they inflate to too much;
 * - timestamps of 2^52 ms and more (the year 144683) are INVALID_TIMESTAMP whatever the topic allows.
 *
 * @module
 */
import { type Codec, DEFAULT_INFLATE_LIMITS } from "../compression/mod.ts";
import { lz4HasLinkedBlocks } from "../compression/lz4.ts";
import { KafkaError } from "../errors.ts";
import {
  AT,
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchSizeAt,
  codecOf,
  hasProducerId,
  isControl,
  isTransactional,
  MAGIC,
  NONE,
  readBatchHeader,
  TIMESTAMP_MS_MAX,
  timestampType,
} from "./batch_header.ts";
import { int64At, isSafeInt64At, uint32At } from "./big_endian.ts";
import { InvalidRecordsError, type ProduceRules, type RecordError } from "./produce_rules.ts";
import { checkRecords } from "./record_checks.ts";
import { checkCrc, recordReader } from "./records.ts";
import { rewriteRecords, withMaxTimestamp } from "./rewrite.ts";

export { InvalidRecordsError, type ProduceRules, type RecordError };

/** A batch that may be appended. */
export interface ProducedBatch {
  /** That of `bytes`. */
  readonly header: BatchHeader;
  /** What to store: a view of what came in, or a changed copy of it. */
  readonly bytes: Uint8Array;
  /** The broker's time for a LogAppendTime topic, -1 otherwise. */
  readonly logAppendTimeMs: number;
}

const ZSTD_PRODUCE_VERSION = 7;
/** All but codec, timestamp type, transactional and control. */
const RESERVED_ATTRIBUTES = ~0b11_1111;

/**
 * Checks the records of one partition in a Produce request, which must be exactly one batch, and makes of them what is
 * to be stored. `records` is not changed; it may be one slice or several that continue each other.
 *
 * @param nowMs the broker's wall clock.
 * @throws KafkaError with the code to answer; {@linkcode InvalidRecordsError} when single records are at fault.
 */
export function validateProduced(
  records: readonly Uint8Array[] | null,
  rules: ProduceRules,
  nowMs: number,
): ProducedBatch {
  const bytes = joined(records);
  const header = readProducedHeader(bytes);
  checkHeader(header, rules);
  checkSize(header.sizeBytes, rules);
  checkCrc(bytes, header);
  checkOrigin(header, rules);
  return validateRecords(bytes, header, rules, nowMs);
}

function joined(records: readonly Uint8Array[] | null): Uint8Array {
  if (records === null) throw invalid("Produce has no records for the partition");
  if (records.length === 1) return records[0];
  const bytes = new Uint8Array(records.reduce((sum, slice) => sum + slice.length, 0));
  let at = 0;
  for (const slice of records) {
    bytes.set(slice, at);
    at += slice.length;
  }
  return bytes;
}

/** Makes sure that the bytes are one batch from the first to the last, and reads its header. */
function readProducedHeader(bytes: Uint8Array): BatchHeader {
  if (bytes.length <= AT.magic) throw invalid(`${bytes.length} bytes hold no record batch`);
  const magic = bytes[AT.magic];
  if (magic > MAGIC) throw new KafkaError("CORRUPT_MESSAGE", `Batch has unknown magic ${magic}`);
  if (magic !== MAGIC) throw invalid(`Batch has magic ${magic}: Produce v3+ takes ${MAGIC} only`);
  const sizeBytes = batchSizeAt(bytes, 0);
  if (sizeBytes < BATCH_HEADER_BYTES) {
    throw new KafkaError("CORRUPT_MESSAGE", `Batch of ${sizeBytes} bytes is less than its header`);
  }
  if (sizeBytes > bytes.length) {
    throw invalid(`Batch is cut short: it says ${sizeBytes} bytes, ${bytes.length} came`);
  }
  if (sizeBytes < bytes.length) {
    throw invalid(`${bytes.length - sizeBytes} bytes follow the batch: exactly one is allowed`);
  }
  if (!isSafeInt64At(bytes, AT.baseOffset)) throw invalid("Base offset of the batch is not 0");
  for (const at of [AT.baseTimestamp, AT.maxTimestamp]) {
    if (!isSafeInt64At(bytes, at) || Math.abs(int64At(bytes, at)) > TIMESTAMP_MS_MAX) {
      // The checksum comes first: of bytes that changed on the way, no field tells anything.
      checkCrc(bytes, { baseOffset: 0, sizeBytes, crc: uint32At(bytes, AT.crc) });
      throw new KafkaError("INVALID_TIMESTAMP", "Timestamp of the batch is beyond 2^52 ms");
    }
  }
  return readBatchHeader(bytes);
}

function checkHeader(header: BatchHeader, rules: ProduceRules): void {
  if (codecOf(header) === "zstd" && rules.requestVersion < ZSTD_PRODUCE_VERSION) {
    throw new KafkaError(
      "UNSUPPORTED_COMPRESSION_TYPE",
      `zstd needs Produce v${ZSTD_PRODUCE_VERSION}, not v${rules.requestVersion}`,
    );
  }
}

function checkSize(sizeBytes: number, rules: ProduceRules): void {
  if (sizeBytes > rules.maxMessageBytes) {
    throw new KafkaError(
      "MESSAGE_TOO_LARGE",
      `Batch of ${sizeBytes} bytes is larger than max.message.bytes ${rules.maxMessageBytes}`,
    );
  }
  if (rules.segmentBytes !== undefined && sizeBytes > rules.segmentBytes) {
    throw new KafkaError(
      "RECORD_LIST_TOO_LARGE",
      `Batch of ${sizeBytes} bytes is larger than segment.bytes ${rules.segmentBytes}`,
    );
  }
}

/** What only a broker may write, and how a producer must number its batches. */
function checkOrigin(header: BatchHeader, rules: ProduceRules): void {
  const { recordCount, lastOffsetDelta, producerId, producerEpoch, baseSequence } = header;
  if (recordCount <= 0) throw invalid(`Batch says that it has ${recordCount} records`);
  if (recordCount !== lastOffsetDelta + 1) {
    throw invalid(`Batch has ${recordCount} records, but its last offset delta ${lastOffsetDelta}`);
  }
  if ((header.attributes & RESERVED_ATTRIBUTES) !== 0) {
    throw invalid(`Batch has attributes ${header.attributes & 0xffff} that a producer cannot set`);
  }
  if (rules.origin === "coordinator") return;
  if (header.baseOffset !== 0) throw invalid(`Base offset of the batch is ${header.baseOffset}`);
  if (isControl(header)) throw invalid("Clients may not write control records");
  if (timestampType(header) === "LogAppendTime") {
    throw new KafkaError("INVALID_TIMESTAMP", "Clients may not write with LogAppendTime");
  }
  if (producerId < NONE) throw invalid(`Producer id ${producerId} is negative`);
  if (hasProducerId(header)) {
    if (baseSequence < 0) throw invalid(`Producer ${producerId} sent sequence ${baseSequence}`);
    if (producerEpoch < 0) throw invalid(`Producer ${producerId} sent epoch ${producerEpoch}`);
  } else if (isTransactional(header)) {
    throw invalid("Transactional batch has no producer id");
  }
}

function validateRecords(
  bytes: Uint8Array,
  header: BatchHeader,
  rules: ProduceRules,
  nowMs: number,
): ProducedBatch {
  const sourceCodec = codecOf(header);
  const targetCodec = isControl(header) ? "none" : storedCodec(sourceCodec, rules);
  const isLogAppendTime = rules.timestampType === "LogAppendTime";
  const logAppendTimeMs = isLogAppendTime ? nowMs : NONE;
  const limits = {
    ...DEFAULT_INFLATE_LIMITS,
    ...(rules.inflatedBytesMax !== undefined && { outputBytesMax: rules.inflatedBytesMax }),
  };
  const { reader, found } = asInvalid(() => {
    const reader = recordReader(bytes, header, limits);
    return { reader, found: checkRecords(reader, header, rules, nowMs) };
  });
  const maxTimestampMs = isLogAppendTime ? nowMs : found.maxTimestampMs;

  const mustRewrite = targetCodec !== sourceCodec || !found.hasRunningOffsets ||
    (sourceCodec === "lz4" && lz4HasLinkedBlocks(bytes.subarray(BATCH_HEADER_BYTES)));
  if (mustRewrite) {
    const rewritten = rewriteRecords(reader.rewound(), bytes, {
      codec: targetCodec,
      compressionLevel: rules.compressionLevel,
      timestampType: rules.timestampType,
      maxTimestampMs,
    });
    checkSize(rewritten.length, rules);
    return { header: readBatchHeader(rewritten), bytes: rewritten, logAppendTimeMs };
  }
  if (isLogAppendTime || maxTimestampMs !== header.maxTimestampMs) {
    const changed = withMaxTimestamp(bytes, rules.timestampType, maxTimestampMs);
    return { header: readBatchHeader(changed), bytes: changed, logAppendTimeMs };
  }
  return { header, bytes, logAppendTimeMs };
}

function storedCodec(sourceCodec: Codec, { compressionType }: ProduceRules): Codec {
  if (compressionType === "producer") return sourceCodec;
  return compressionType === "uncompressed" ? "none" : compressionType;
}

/** The bytes have the right checksum: if they are malformed, they always were, and sending them again is no use. */
function asInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isMalformed = error instanceof RangeError ||
      (error instanceof KafkaError && error.kind === "CORRUPT_MESSAGE");
    if (isMalformed) throw invalid(error.message, { cause: error });
    throw error;
  }
}

function invalid(message: string, options?: ErrorOptions): KafkaError {
  return new KafkaError("INVALID_RECORD", message, options);
}
