/**
 * Builds record batches.
 *
 * @module
 */
import { type Codec, compress } from "../compression/mod.ts";
import { GrowingBytes } from "../compression/output.ts";
import {
  AT,
  attributesOf,
  BATCH_HEADER_BYTES,
  type BatchFlags,
  MAGIC,
  NONE,
  writeBatchHeader,
} from "./batch_header.ts";
import { putInt32 } from "./big_endian.ts";
import { crc32c } from "./crc32c.ts";
import type { RecordHeader } from "./records.ts";
import { pushVarint, sizeOfVarint } from "./varint.ts";

/** A record to be written. */
export interface RecordDraft {
  /** Left out or null = no key. */
  readonly key?: Uint8Array | null;
  /** Left out or null = a tombstone. */
  readonly value?: Uint8Array | null;
  /** In this order. */
  readonly headers?: readonly RecordHeader[];
  /** -1 or left out = none. */
  readonly timestampMs?: number;
  /** Offset - base offset. Left out = one more than the record before: only compaction leaves gaps. */
  readonly offsetDelta?: number;
}

/** Who writes the batch: an idempotent or transactional producer. */
export interface ProducerIdentity {
  /** The id that InitProducerId gave. */
  readonly producerId: bigint;
  /** Fences earlier users of the same id. */
  readonly producerEpoch: number;
  /** Sequence number of the first record. */
  readonly baseSequence: number;
}

/** What a batch's header says. Left out = what an ordinary producer writes. */
export interface BatchOptions extends BatchFlags {
  /** Of gzip and zstd. */
  readonly compressionLevel?: number;
  /** 0 if left out, as a producer sends it. */
  readonly baseOffset?: number;
  /** -1 if left out, as a producer sends it. */
  readonly partitionLeaderEpoch?: number;
  /** Left out = neither idempotent nor transactional. */
  readonly producer?: ProducerIdentity;
  /** What timestamp deltas add to; the timestamp of the first record if left out. */
  readonly baseTimestampMs?: number;
  /** The broker's time with LogAppendTime; the largest timestamp of the records if left out. */
  readonly maxTimestampMs?: number;
  /** That of the last record if left out: compaction may have removed it. */
  readonly lastOffsetDelta?: number;
}

const encoder = new TextEncoder();
const INITIAL_BYTES = 512;
/** Bytes of a record beyond keys, values and headers: lengths and deltas at their longest. */
const RECORD_OVERHEAD_BYTES_MAX = 36;
const NO_PRODUCER: ProducerIdentity = {
  producerId: -1n,
  producerEpoch: NONE,
  baseSequence: NONE,
};

/** Builds a batch of these records. */
export function buildBatch(
  records: Iterable<RecordDraft>,
  options: BatchOptions = {},
): Uint8Array {
  const writer = new RecordWriter(options);
  for (const record of records) writer.append(record);
  return writer.finish(options);
}

/** Options of a {@linkcode BatchBuilder}. */
export interface BatchBuilderOptions {
  /** `none` if left out. */
  readonly codec?: Codec;
  /** Of gzip and zstd. */
  readonly compressionLevel?: number;
  /** The batch takes no more records once it is estimated to be larger than this. `batch.size` in Kafka. */
  readonly maxBytes: number;
  /** What compression is expected to leave of the records, 0 to 1; 1 if left out, so that the estimate is a limit. */
  readonly expectedRatio?: number;
}

/** Gathers the records of one batch for a producer, until it is full or time to send it. */
export class BatchBuilder {
  readonly #options: BatchBuilderOptions;
  readonly #ratio: number;
  readonly #writer = new RecordWriter({});

  /** Builds an empty one. */
  constructor(options: BatchBuilderOptions) {
    this.#options = options;
    this.#ratio = (options.codec ?? "none") === "none" ? 1 : options.expectedRatio ?? 1;
  }

  /** Records appended. */
  get recordCount(): number {
    return this.#writer.recordCount;
  }

  /** How large the batch will be; exact without compression. */
  get estimatedSizeBytes(): number {
    return this.#estimate(this.#writer.recordsBytes);
  }

  /** Bytes of the records before compression: with the length of the batch built, the ratio to expect next time. */
  get recordsBytes(): number {
    return this.#writer.recordsBytes;
  }

  /** Whether a further record, however small, would be refused. */
  get isFull(): boolean {
    return this.recordCount > 0 && this.estimatedSizeBytes >= this.#options.maxBytes;
  }

  /**
   * Appends a record and returns true, or false if the batch would then be larger than `maxBytes`. An empty batch takes
   * any record: how large a record may be at all is for the producer to say.
   */
  append(record: RecordDraft): boolean {
    if (this.recordCount > 0) {
      const bytes = this.#writer.recordsBytes + recordBytesMax(record);
      if (this.#estimate(bytes) > this.#options.maxBytes) return false;
    }
    this.#writer.append(record);
    return true;
  }

  /** The finished batch. May be called again, with another identity, when a batch has to be sent anew. */
  build(
    identity: { readonly producer?: ProducerIdentity; readonly transactional?: boolean } = {},
  ): Uint8Array {
    return this.#writer.finish({
      codec: this.#options.codec,
      compressionLevel: this.#options.compressionLevel,
      ...identity,
    });
  }

  #estimate(recordsBytes: number): number {
    return BATCH_HEADER_BYTES + Math.ceil(recordsBytes * this.#ratio);
  }
}

/** No record like this needs more bytes. */
export function recordBytesMax(record: RecordDraft): number {
  let bytes = RECORD_OVERHEAD_BYTES_MAX + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  // A UTF-16 unit becomes at most 3 bytes; lengths are varints of at most 5 bytes.
  for (const { key, value } of record.headers ?? []) {
    bytes += 10 + 3 * key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** Writes the attributes' checksum over a finished batch. */
export function sealBatch(batch: Uint8Array): void {
  putInt32(batch, AT.crc, crc32c(batch, AT.attributes));
}

/** Encodes records behind an empty header. */
class RecordWriter {
  recordCount = 0;
  readonly #output = new GrowingBytes(INITIAL_BYTES);
  readonly #sameTime: boolean;
  #baseTimestampMs: number | undefined;
  #maxTimestampMs = NONE;
  #lastOffsetDelta = -1;

  constructor(options: Pick<BatchOptions, "baseTimestampMs" | "timestampType">) {
    this.#output.length = BATCH_HEADER_BYTES;
    this.#baseTimestampMs = options.baseTimestampMs;
    // With LogAppendTime the header's maximum is the time of all records.
    this.#sameTime = options.timestampType === "LogAppendTime";
  }

  get recordsBytes(): number {
    return this.#output.length - BATCH_HEADER_BYTES;
  }

  append(record: RecordDraft): void {
    const timestampMs = record.timestampMs ?? NONE;
    this.#baseTimestampMs ??= timestampMs;
    const timestampDelta = this.#sameTime ? 0 : timestampMs - this.#baseTimestampMs;
    const offsetDelta = record.offsetDelta ?? this.#lastOffsetDelta + 1;
    const headers = (record.headers ?? []).map(({ key, value }) => ({
      key: encoder.encode(key),
      value,
    }));
    let bodyBytes = 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(offsetDelta) +
      sizeOfBytes(record.key) + sizeOfBytes(record.value) + sizeOfVarint(headers.length);
    for (const { key, value } of headers) bodyBytes += sizeOfBytes(key) + sizeOfBytes(value);

    const output = this.#output;
    pushVarint(output, bodyBytes);
    output.reserve(bodyBytes);
    output.bytes[output.length++] = 0; // attributes
    pushVarint(output, timestampDelta);
    pushVarint(output, offsetDelta);
    pushBytes(output, record.key);
    pushBytes(output, record.value);
    pushVarint(output, headers.length);
    for (const { key, value } of headers) {
      pushBytes(output, key);
      pushBytes(output, value);
    }
    this.recordCount++;
    this.#lastOffsetDelta = offsetDelta;
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, timestampMs);
  }

  finish(options: BatchOptions): Uint8Array {
    const batch = withRecords(this.#output.written(), options.codec ?? "none", options);
    const producer = options.producer ?? NO_PRODUCER;
    writeBatchHeader(batch, {
      baseOffset: options.baseOffset ?? 0,
      sizeBytes: batch.length,
      partitionLeaderEpoch: options.partitionLeaderEpoch ?? NONE,
      magic: MAGIC,
      crc: 0,
      attributes: attributesOf(options),
      lastOffsetDelta: options.lastOffsetDelta ?? this.#lastOffsetDelta,
      baseTimestampMs: this.#baseTimestampMs ?? NONE,
      maxTimestampMs: options.maxTimestampMs ?? this.#maxTimestampMs,
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      baseSequence: producer.baseSequence,
      recordCount: this.recordCount,
    });
    sealBatch(batch);
    return batch;
  }
}

/** A batch of its own: the header's bytes of `plain` (not yet valid), and its records compressed. */
export function withRecords(
  plain: Uint8Array,
  codec: Codec,
  options: { readonly compressionLevel?: number },
): Uint8Array {
  // A batch that compaction emptied has no records at all, not a compressed nothing.
  if (codec === "none" || plain.length === BATCH_HEADER_BYTES) return plain.slice();
  const records = compress(codec, plain.subarray(BATCH_HEADER_BYTES), options.compressionLevel);
  const batch = new Uint8Array(BATCH_HEADER_BYTES + records.length);
  batch.set(plain.subarray(0, BATCH_HEADER_BYTES));
  batch.set(records, BATCH_HEADER_BYTES);
  return batch;
}

function sizeOfBytes(bytes: Uint8Array | null | undefined): number {
  const length = bytes?.length ?? -1;
  return sizeOfVarint(length) + Math.max(0, length);
}

function pushBytes(output: GrowingBytes, bytes: Uint8Array | null | undefined): void {
  pushVarint(output, bytes?.length ?? -1);
  if (bytes) output.push(bytes);
}
