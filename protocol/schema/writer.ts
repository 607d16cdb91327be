/**
 * Writes Kafka's primitive types into a gather list.
 *
 * @module
 */
import { uuidToBytes } from "../uuid.ts";
import { STRING_BYTES_MAX } from "./limits.ts";

const encoder = new TextEncoder();
const FIRST_CHUNK_BYTES = 256;
const CHUNK_BYTES_MAX = 64 * 1024;
/** Byte strings from this length on are handed over as they are; shorter ones are copied. */
const GATHER_BYTES_MIN = 1024;
const INT64_MIN = -(1n << 63n);
const INT64_MAX = (1n << 63n) - 1n;

/**
 * Small values go into buffers of its own, large byte strings into the list as they are: nothing large is copied, and
 * nothing that was written moves when a buffer is full. Throws RangeError for a value that its type cannot hold.
 */
export class Writer {
  #slices: Uint8Array[] = [];
  /** Bytes in `#slices`. */
  #flushed = 0;
  #chunk: Uint8Array;
  #view: DataView;
  /** Start of what is not in `#slices` yet. */
  #start = 0;
  #position = 0;

  constructor(firstChunkBytes: number = FIRST_CHUNK_BYTES) {
    this.#chunk = new Uint8Array(firstChunkBytes);
    this.#view = new DataView(this.#chunk.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#flushed + this.#position - this.#start;
  }

  /** What was written, as slices in order. The writer is done with then. */
  finish(): readonly Uint8Array[] {
    this.#flush();
    return this.#slices;
  }

  bool(value: boolean): void {
    const at = this.#reserve(1);
    this.#view.setInt8(at, value ? 1 : 0);
  }

  int8(value: number): void {
    if (value !== (value << 24) >> 24) throw unfit(value, "int8");
    const at = this.#reserve(1);
    this.#view.setInt8(at, value);
  }

  int16(value: number): void {
    if (value !== (value << 16) >> 16) throw unfit(value, "int16");
    const at = this.#reserve(2);
    this.#view.setInt16(at, value);
  }

  uint16(value: number): void {
    if (value !== (value & 0xffff)) throw unfit(value, "uint16");
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  int32(value: number): void {
    if (value !== (value | 0)) throw unfit(value, "int32");
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
  }

  uint32(value: number): void {
    if (value !== value >>> 0) throw unfit(value, "uint32");
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  int64(value: bigint): void {
    if (value > INT64_MAX || value < INT64_MIN) throw unfit(value, "int64");
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  uuid(value: string): void {
    const at = this.#reserve(16);
    uuidToBytes(value, this.#chunk, at);
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(value: number): void {
    if (value !== value >>> 0) throw unfit(value, "uvarint");
    const at = this.#reserve(uvarintBytes(value));
    putUvarint(this.#chunk, at, value);
  }

  /** A zigzag varint of at most 32 bits. */
  varint(value: number): void {
    if (value !== (value | 0)) throw unfit(value, "varint");
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** A zigzag varint of at most 64 bits. */
  varlong(value: bigint): void {
    if (value > INT64_MAX || value < INT64_MIN) throw unfit(value, "varlong");
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  /** A string behind its length as int16. */
  string(text: string): void {
    if (text.length > STRING_BYTES_MAX) throw tooLong(text.length);
    const at = this.#reserve(2 + text.length);
    if (!putAscii(this.#chunk, at + 2, text)) {
      this.#position = at;
      return this.#longString(text, false);
    }
    this.#view.setInt16(at, text.length);
  }

  /** A string behind its length + 1 as uvarint. */
  compactString(text: string): void {
    if (text.length > STRING_BYTES_MAX) throw tooLong(text.length);
    const lengthBytes = uvarintBytes(text.length + 1);
    const at = this.#reserve(lengthBytes + text.length);
    if (!putAscii(this.#chunk, at + lengthBytes, text)) {
      this.#position = at;
      return this.#longString(text, true);
    }
    putUvarint(this.#chunk, at, text.length + 1);
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array): void {
    if (bytes.length >= GATHER_BYTES_MIN) {
      this.#flush();
      this.#slices.push(bytes);
      this.#flushed += bytes.length;
    } else if (bytes.length > 0) {
      const at = this.#reserve(bytes.length);
      this.#chunk.set(bytes, at);
    }
  }

  #byte(value: number): void {
    const at = this.#reserve(1);
    this.#chunk[at] = value;
  }

  #longString(text: string, compact: boolean): void {
    const bytes = encoder.encode(text);
    if (bytes.length > STRING_BYTES_MAX) throw tooLong(bytes.length);
    if (compact) this.uvarint(bytes.length + 1);
    else this.int16(bytes.length);
    this.raw(bytes);
  }

  /**
   * Makes room for `size` bytes in one piece and gives their place in the current chunk, which may be a new one: call it
   * before `#chunk` or `#view` is looked at.
   */
  #reserve(size: number): number {
    if (this.#position + size > this.#chunk.length) {
      this.#flush();
      const grown = Math.min(2 * this.#chunk.length, CHUNK_BYTES_MAX);
      this.#chunk = new Uint8Array(Math.max(grown, size));
      this.#view = new DataView(this.#chunk.buffer);
      this.#start = this.#position = 0;
    }
    const at = this.#position;
    this.#position = at + size;
    return at;
  }

  #flush(): void {
    if (this.#position === this.#start) return;
    this.#slices.push(this.#chunk.subarray(this.#start, this.#position));
    this.#flushed += this.#position - this.#start;
    this.#start = this.#position;
  }
}

/** Bytes of an unsigned varint. */
export function uvarintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

function putUvarint(target: Uint8Array, position: number, value: number): void {
  let at = position;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) target[at++] = rest | 0x80;
  target[at] = rest;
}

/** Writes an ASCII string; false, with some of it written, when it is not one. */
function putAscii(target: Uint8Array, position: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return false;
    target[position + i] = unit;
  }
  return true;
}

function unfit(value: number | bigint, type: string): RangeError {
  return new RangeError(`${value} is no ${type}`);
}

function tooLong(bytes: number): RangeError {
  return new RangeError(`A string of ${bytes} bytes; at most ${STRING_BYTES_MAX} can be written`);
}
