/**
 * Walks over the records inside a batch, uncompressed, without allocating anything for each.
 *
 * @module
 */
import { VarintReader } from "./varint.ts";

/** A record cannot have fewer bytes: attributes, two deltas, key and value length, header count. */
const RECORD_BYTES_MIN = 6;

/** Steps from record to record; its fields tell of the one that it stands on. */
export class RecordReader {
  /** What is read: the batch itself, or what its records inflated to. */
  readonly bytes: Uint8Array;
  /** Records seen so far. */
  count = 0;
  /** Offset - base offset. */
  offsetDelta = 0;
  /** Timestamp - base timestamp. */
  timestampDelta = 0;
  /** Where the length of the key lies: everything from there to `recordEnd` is independent of offset and time. */
  keyLengthAt = 0;
  /** Where the key begins. */
  keyAt = 0;
  /** -1 = null. */
  keyBytes: number = -1;
  /** Where the value begins. */
  valueAt = 0;
  /** -1 = null. */
  valueBytes: number = -1;
  /** Where the first header begins. */
  headersAt = 0;
  /** Headers of the record. */
  headerCount = 0;
  /** Where the record ends. */
  recordEnd: number;

  readonly #start: number;
  readonly #countMax: number;
  readonly #varints: VarintReader;

  /** Reads `recordCount` records from `position` on, which must fill the bytes up to `end`. */
  constructor(bytes: Uint8Array, position: number, end: number, recordCount: number) {
    if (recordCount < 0 || recordCount * (RECORD_BYTES_MIN + 1) > end - position) {
      throw new RangeError(`${end - position} bytes cannot hold ${recordCount} records`);
    }
    this.bytes = bytes;
    this.recordEnd = position;
    this.#start = position;
    this.#countMax = recordCount;
    this.#varints = new VarintReader(bytes, position, end);
  }

  /** The key of the record: a view; null = none. */
  get key(): Uint8Array | null {
    return this.#view(this.keyAt, this.keyBytes);
  }

  /** The value of the record: a view; null = a tombstone. */
  get value(): Uint8Array | null {
    return this.#view(this.valueAt, this.valueBytes);
  }

  #view(at: number, length: number): Uint8Array | null {
    return length < 0 ? null : this.bytes.subarray(at, at + length);
  }

  /** A reader that stands before the first record again. */
  rewound(): RecordReader {
    return new RecordReader(this.bytes, this.#start, this.#varints.end, this.#countMax);
  }

  /**
   * Steps to the next record; false behind the last one.
   *
   * @throws RangeError when the record is malformed, or bytes are left behind the last one.
   */
  next(): boolean {
    const varints = this.#varints;
    if (this.count === this.#countMax) {
      if (varints.position !== varints.end) {
        throw new RangeError(`${varints.end - varints.position} bytes follow the last record`);
      }
      return false;
    }
    const length = varints.varint();
    const end = varints.position + length;
    if (length < RECORD_BYTES_MIN || end > varints.end) {
      throw new RangeError(`Record ${this.count} of ${length} bytes does not fit the batch`);
    }
    varints.position++; // attributes, unused
    this.timestampDelta = varints.varlong();
    this.offsetDelta = varints.varint();
    this.keyLengthAt = varints.position;
    this.keyBytes = this.#sized(end, true);
    this.keyAt = varints.position - Math.max(0, this.keyBytes);
    this.valueBytes = this.#sized(end, true);
    this.valueAt = varints.position - Math.max(0, this.valueBytes);
    this.headerCount = varints.varint();
    if (this.headerCount < 0 || this.headerCount * 2 > end - varints.position) {
      throw new RangeError(`Record ${this.count} cannot have ${this.headerCount} headers`);
    }
    this.headersAt = varints.position;
    for (let i = 0; i < this.headerCount; i++) {
      this.#sized(end, false);
      this.#sized(end, true);
    }
    if (varints.position !== end) {
      throw new RangeError(`Record ${this.count} is not as long as it says`);
    }
    this.recordEnd = end;
    this.count++;
    return true;
  }

  /** Steps over a length and as many bytes, and returns the length. */
  #sized(end: number, nullable: boolean): number {
    const varints = this.#varints;
    const length = varints.varint();
    if (length < (nullable ? -1 : 0) || length > end - varints.position) {
      throw new RangeError(`Record ${this.count} has a field of ${length} bytes that does not fit`);
    }
    if (length > 0) varints.position += length;
    return length;
  }
}
