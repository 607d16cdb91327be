/**
 * What a produced batch is held against, and what is said when it does not hold.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../errors.ts";
import type { Codec } from "../compression/codec.ts";
import type { TimestampType } from "./batch_header.ts";

/** What a topic, its broker and the request ask of a batch. */
export interface ProduceRules {
  /** Version of the Produce request: zstd needs 7 (KIP-110). */
  readonly requestVersion: number;
  /** `max.message.bytes`: the largest batch, as it arrives and as it is stored. */
  readonly maxMessageBytes: number;
  /** `segment.bytes`: a batch must fit one segment. Left out = no such limit. */
  readonly segmentBytes?: number;
  /** `message.timestamp.type`: with LogAppendTime the broker's time replaces that of the records. */
  readonly timestampType: TimestampType;
  /** `message.timestamp.before.max.ms`: how far in the past a record's timestamp may lie. */
  readonly beforeMaxMs: number;
  /** `message.timestamp.after.max.ms`: how far in the future. */
  readonly afterMaxMs: number;
  /** `cleanup.policy` contains `compact`: each record needs a key. */
  readonly compacted: boolean;
  /** `compression.type`: `producer` stores what came. */
  readonly compressionType: "producer" | "uncompressed" | Exclude<Codec, "none">;
  /** Level of gzip or zstd, for when the broker has to compress. */
  readonly compressionLevel?: number;
  /** The records of a batch inflate to no more than this, in bytes. */
  readonly inflatedBytesMax?: number;
  /**
   * Who appends. A broker's own coordinator may write control batches, and batches without a sequence; `client` if left
   * out. Kafka's AppendOrigin.
   */
  readonly origin?: "client" | "coordinator";
}

/** Why one record of a batch was refused. */
export interface RecordError {
  /** Index of the record in the batch. */
  readonly batchIndex: number;
  /** What is wrong with it, for the producer's log. */
  readonly message: string;
}

/** A batch was refused for some of its records (KIP-467). */
export class InvalidRecordsError extends KafkaError {
  /** At most {@linkcode RECORD_ERRORS_MAX}. */
  readonly recordErrors: readonly RecordError[];

  /** Says which records are at fault beside why. */
  constructor(kind: ErrorName, message: string, recordErrors: readonly RecordError[]) {
    super(kind, message);
    this.name = "InvalidRecordsError";
    this.recordErrors = recordErrors;
  }
}

/** No more records than these are told of: 1 MB of bad records would otherwise make an answer of 20 MB. */
export const RECORD_ERRORS_MAX = 100;
