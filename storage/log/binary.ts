/**
 * Reading and writing the log's own binary formats: unsigned varints up to 2^53 - 1 (seven bits a byte, least first),
 * signed ones in zigzag form, little-endian fixed numbers.
 *
 * @module
 */

const HIGH_BIT = 0x80;
const SHIFT_MAX = 2 ** 49;
/** The first byte of a signed number has its sign, and the rest by this number. */
const SIGNED_FIRST = HIGH_BIT / 2;

/** Writes into a buffer that grows. Numbers that could not be read again throw a RangeError. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, without a copy: good until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, in a buffer of its own. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#length, value, true);
    this.#length += 8;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw outOfRange(value);
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#length++] = (rest % HIGH_BIT) | HIGH_BIT;
      rest = Math.floor(rest / HIGH_BIT);
    }
    while (rest >= HIGH_BIT) {
      this.#bytes[this.#length++] = (rest & 0x7f) | HIGH_BIT;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number from -2^53 to 2^53 - 1: its zigzag form may have 54 bits. */
  signed(value: number): void {
    const magnitude = value < 0 ? -value - 1 : value;
    if (!(magnitude <= Number.MAX_SAFE_INTEGER)) throw outOfRange(value);
    const first = magnitude % SIGNED_FIRST * 2 + (value < 0 ? 1 : 0);
    if (magnitude < SIGNED_FIRST) return this.uint8(first);
    this.uint8(first | HIGH_BIT);
    this.varint(Math.floor(magnitude / SIGNED_FIRST));
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(length: number): void {
    const wanted = this.#length + length;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.written);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a {@linkcode ByteWriter} wrote. Every method throws a RangeError at the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  position: number;

  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.position = position;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.position;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)];
  }

  uint32(): number {
    return uint32At(this.#bytes, this.#take(4));
  }

  int64(): bigint {
    const at = this.#take(8);
    const low = BigInt(uint32At(this.#bytes, at));
    const high = BigInt(uint32At(this.#bytes, at + 4) | 0);
    return (high << 32n) | low;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= SHIFT_MAX; scale *= HIGH_BIT) {
      const byte = this.#bytes[this.#take(1)];
      value += (byte & 0x7f) * scale;
      if (byte < HIGH_BIT) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new RangeError("A varint is longer than 53 bits");
  }

  signed(): number {
    const first = this.uint8();
    let magnitude = (first & 0x7f) >> 1;
    if (first >= HIGH_BIT) magnitude += this.varint() * SIGNED_FIRST;
    if (!Number.isSafeInteger(magnitude)) throw new RangeError("A number is longer than 54 bits");
    return first % 2 === 0 ? magnitude : -magnitude - 1;
  }

  /** A view of the next bytes. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): number {
    const at = this.position;
    if (length < 0 || at + length > this.#end) throw new RangeError("The bytes end too early");
    this.position = at + length;
    return at;
  }
}

function outOfRange(value: number): RangeError {
  return new RangeError(`Number ${value} cannot be stored`);
}

/** The unsigned number in the four bytes at `position`, least first. */
export function uint32At(bytes: Uint8Array, position: number): number {
  return (bytes[position] | bytes[position + 1] << 8 | bytes[position + 2] << 16 |
    bytes[position + 3] << 24) >>> 0;
}

/** Writes an unsigned number into the four bytes at `position`, least first. */
export function putUint32(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value;
  bytes[position + 1] = value >>> 8;
  bytes[position + 2] = value >>> 16;
  bytes[position + 3] = value >>> 24;
}
