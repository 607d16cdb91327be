/**
 * Reads Kafka's primitive types from bytes.
 *
 * @module
 */
import { uuidFromBytes } from "../uuid.ts";
import { type DecodeLimits, DEFAULT_LIMITS, STRING_BYTES_MAX } from "./limits.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Below this length a loop is faster than a call of TextDecoder. */
const SHORT_STRING_BYTES = 16;

/**
 * A position in bytes that moves forward as values are read. Every method throws RangeError when the bytes do not hold
 * what is asked for; nothing is allocated for a length before that many bytes are known to be there.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly limits: DecodeLimits;
  /** Where the next value begins. */
  position: number;
  #view: DataView;
  #elements = 0;

  constructor(bytes: Uint8Array, position = 0, limits: DecodeLimits = DEFAULT_LIMITS) {
    this.bytes = bytes;
    this.position = position;
    this.limits = limits;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes after the position. */
  get remaining(): number {
    return this.bytes.length - this.position;
  }

  bool(): boolean {
    return this.#view.getInt8(this.position++) !== 0;
  }

  int8(): number {
    return this.#view.getInt8(this.position++);
  }

  int16(): number {
    const at = this.position;
    this.position = at + 2;
    return this.#view.getInt16(at);
  }

  uint16(): number {
    const at = this.position;
    this.position = at + 2;
    return this.#view.getUint16(at);
  }

  int32(): number {
    const at = this.position;
    this.position = at + 4;
    return this.#view.getInt32(at);
  }

  uint32(): number {
    const at = this.position;
    this.position = at + 4;
    return this.#view.getUint32(at);
  }

  int64(): bigint {
    const at = this.position;
    this.position = at + 8;
    return this.#view.getBigInt64(at);
  }

  float64(): number {
    const at = this.position;
    this.position = at + 8;
    return this.#view.getFloat64(at);
  }

  uuid(): string {
    const at = this.position;
    const text = uuidFromBytes(this.bytes, at);
    this.position = at + 16;
    return text;
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(): number {
    const first = this.#view.getUint8(this.position++);
    return first < 0x80 ? first : this.#longUvarint(first & 0x7f);
  }

  #longUvarint(low: number): number {
    let value = low;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.#view.getUint8(this.position++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.#view.getUint8(this.position++);
    if (last > 0x0f) throw new RangeError("A varint has more than 32 bits");
    return (value | (last << 28)) >>> 0;
  }

  /** A zigzag varint of at most 32 bits. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A zigzag varint of at most 64 bits. */
  varlong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#view.getUint8(this.position++);
      if (shift === 63n && byte > 1) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new RangeError("A varint has more than 64 bits");
  }

  /** A string of `length` bytes; malformed UTF-8 becomes U+FFFD, as in Kafka. */
  string(length: number): string {
    if (length > STRING_BYTES_MAX) throw new RangeError(`A string of ${length} bytes`);
    const start = this.#take(length);
    const end = start + length;
    if (length <= SHORT_STRING_BYTES) {
      const bytes = this.bytes;
      let text = "";
      let at = start;
      for (; at < end; at++) {
        const byte = bytes[at];
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === end) return text;
    }
    return decoder.decode(this.bytes.subarray(start, end));
  }

  /** A view of the next `length` bytes. */
  view(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Passes over the next `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /**
   * Admits an array: its elements, of `elementBytesMin` or more each, must fit into what remains, and into the
   * message's allowance.
   */
  admit(count: number, elementBytesMin: number): void {
    if (count < 0 || count * elementBytesMin > this.remaining) {
      throw new RangeError(`An array of ${count} elements, with ${this.remaining} bytes left`);
    }
    this.#count(count);
  }

  /** Admits one unknown tagged field into the message's allowance. */
  admitTag(): void {
    this.#count(1);
  }

  /** Refuses bytes after the end of what was read. */
  finish(): void {
    if (this.remaining !== 0) throw new RangeError(`${this.remaining} bytes after the end`);
  }

  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements > this.limits.elementsMax) {
      throw new RangeError(`More than ${this.limits.elementsMax} array elements and unknown tags`);
    }
  }

  #take(length: number): number {
    const start = this.position;
    if (length < 0 || length > this.bytes.length - start) {
      throw new RangeError(`A length of ${length}, with ${this.remaining} bytes left`);
    }
    this.position = start + length;
    return start;
  }
}
