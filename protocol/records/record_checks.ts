/**
 * The checks that concern each record of a produced batch.
 *
 * @module
 */
import { type BatchHeader, TIMESTAMP_MS_MAX } from "./batch_header.ts";
import {
  InvalidRecordsError,
  type ProduceRules,
  RECORD_ERRORS_MAX,
  type RecordError,
} from "./produce_rules.ts";
import type { RecordReader } from "./record_reader.ts";

const NO_TIMESTAMP = -1;

/** What a walk over the records showed. */
export interface RecordsFound {
  /** Largest timestamp, -1 if there is none. */
  readonly maxTimestampMs: number;
  /** Whether the offset deltas are 0, 1, 2, … */
  readonly hasRunningOffsets: boolean;
}

/**
 * Walks over all records.
 *
 * @throws InvalidRecordsError INVALID_TIMESTAMP when a timestamp is out of range, INVALID_RECORD when a key is missing.
 * @throws RangeError when a record is malformed.
 */
export function checkRecords(
  records: RecordReader,
  { baseTimestampMs }: BatchHeader,
  rules: ProduceRules,
  nowMs: number,
): RecordsFound {
  const checksTime = rules.timestampType === "CreateTime";
  const [beforeMaxMs, afterMaxMs] = checksTime
    ? [rules.beforeMaxMs, rules.afterMaxMs]
    : [Infinity, Infinity];
  const earliestMs = Math.max(nowMs - beforeMaxMs, -TIMESTAMP_MS_MAX);
  const latestMs = Math.min(nowMs + afterMaxMs, TIMESTAMP_MS_MAX);
  const errors = new RecordErrors();
  let maxTimestampMs = NO_TIMESTAMP;
  let hasRunningOffsets = true;
  while (records.next()) {
    const index = records.count - 1;
    const timestampMs = baseTimestampMs + records.timestampDelta;
    if (records.offsetDelta !== index) hasRunningOffsets = false;
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
    if (rules.compacted && records.keyBytes < 0) {
      errors.add(index, "Compacted topic takes no record without a key");
    } else if (
      (timestampMs < earliestMs || timestampMs > latestMs) && timestampMs !== NO_TIMESTAMP
    ) {
      errors.addTimestamp(
        index,
        `Timestamp ${timestampMs} is not between ${earliestMs} and ${latestMs}`,
      );
    }
  }
  errors.throwIfAny();
  return { maxTimestampMs, hasRunningOffsets };
}

class RecordErrors {
  readonly #errors: RecordError[] = [];
  #count = 0;
  #hasTimestamp = false;

  add(batchIndex: number, message: string): void {
    this.#count++;
    if (this.#errors.length < RECORD_ERRORS_MAX) this.#errors.push({ batchIndex, message });
  }

  addTimestamp(batchIndex: number, message: string): void {
    this.#hasTimestamp = true;
    this.add(batchIndex, message);
  }

  throwIfAny(): void {
    if (this.#count === 0) return;
    // One timestamp out of range decides the code of the whole batch: LogValidator.processRecordErrors.
    const kind = this.#hasTimestamp ? "INVALID_TIMESTAMP" : "INVALID_RECORD";
    const { batchIndex, message } = this.#errors[0];
    throw new InvalidRecordsError(
      kind,
      `${this.#count} records of the batch are refused, the first is ${batchIndex}: ${message}`,
      this.#errors,
    );
  }
}
