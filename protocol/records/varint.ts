/**
 * Zigzag varints, the integers inside records: up to 5 bytes for 32 bits (`varint`), up to 10 for 64 (`varlong`).
 *
 * @module
 */
import type { GrowingBytes } from "../compression/output.ts";

const INT32_MAX = 0x7fff_ffff;
const INT32_MIN = -0x8000_0000;
const VARINT_BYTES_MAX = 5;
const VARLONG_BYTES_MAX = 10;

/** Reads zigzag varints one after another, never beyond `end`. */
export class VarintReader {
  /** What is read. */
  readonly bytes: Uint8Array;
  /** Where reading must stop. */
  readonly end: number;
  /** Where the next integer begins. */
  position: number;

  /** Reads from `position` to before `end`. */
  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /**
   * An int32.
   *
   * @throws RangeError when it is cut short or longer than 5 bytes.
   */
  varint(): number {
    const bytes = this.bytes;
    let at = this.position;
    let bits = 0;
    for (let shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
      if (at >= this.end) throw new RangeError("varint is cut short");
      const byte = bytes[at++];
      bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = at;
        return (bits >>> 1) ^ -(bits & 1);
      }
    }
    throw new RangeError(`varint is longer than ${VARINT_BYTES_MAX} bytes`);
  }

  /**
   * An int64 that is a safe integer.
   *
   * @throws RangeError when it is cut short, longer than 10 bytes, or not a safe integer.
   */
  varlong(): number {
    const bytes = this.bytes;
    const start = this.position;
    // Up to four bytes, which covers hours, the fast way.
    let at = start;
    let bits = 0;
    for (let shift = 0; shift < 28 && at < this.end; shift += 7) {
      const byte = bytes[at++];
      bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = at;
        return (bits >>> 1) ^ -(bits & 1);
      }
    }
    return this.#longVarlong(start);
  }

  #longVarlong(start: number): number {
    let value = 0n;
    for (let group = 0, at = start; group < VARLONG_BYTES_MAX; group++) {
      if (at >= this.end) throw new RangeError("varlong is cut short");
      const byte = this.bytes[at++];
      value |= BigInt(byte & 0x7f) << BigInt(7 * group);
      if (byte >= 0x80) continue;
      this.position = at;
      const number = Number((value >> 1n) ^ -(value & 1n));
      if (Number.isSafeInteger(number)) return number;
      throw new RangeError("varlong is not a safe integer");
    }
    throw new RangeError(`varlong is longer than ${VARLONG_BYTES_MAX} bytes`);
  }
}

/** Bytes of an int32 or of a safe integer as a zigzag varint. */
export function sizeOfVarint(value: number): number {
  // The zigzag form of n >= 0 is 2 n, that of n < 0 is -2 n - 1.
  let zigzag = value >= 0 ? value * 2 : -value * 2 - 1;
  let size = 1;
  for (; zigzag >= 0x80; zigzag = Math.floor(zigzag / 0x80)) size++;
  return size;
}

/** Appends an int32 or a safe integer as a zigzag varint. */
export function pushVarint(output: GrowingBytes, value: number): void {
  output.reserve(VARLONG_BYTES_MAX);
  const bytes = output.bytes;
  let at = output.length;
  if (value <= INT32_MAX && value >= INT32_MIN) {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
    for (; zigzag >= 0x80; zigzag >>>= 7) bytes[at++] = zigzag | 0x80;
    bytes[at++] = zigzag;
  } else {
    let zigzag = value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n;
    for (; zigzag >= 0x80n; zigzag >>= 7n) bytes[at++] = Number(zigzag & 0x7fn) | 0x80;
    bytes[at++] = Number(zigzag);
  }
  output.length = at;
}
