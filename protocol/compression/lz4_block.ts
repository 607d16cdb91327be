/**
 * LZ4's block format: sequences of literals and matches.
 *
 * @module
 */
import { corrupt } from "./errors.ts";
import { copyBytes, copyMatch, type GrowingBytes, wordAt } from "./output.ts";

const HASH_BITS = 13;
const MIN_MATCH = 4;
/** The format asks that the last match begins at least 12 bytes before the end, and ends 5 bytes before it. */
const LAST_MATCH_BYTES = 12;
const LAST_LITERALS = 5;
/** A length of 15 in a token goes on in the bytes that follow. */
const TOKEN_LENGTH_MAX = 15;

/** No block of `length` bytes deflates to more than this. */
export function lz4BlockBytesMax(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

/** Scratch space for {@linkcode lz4WriteBlock}, to be used for one block after another. */
export function lz4Scratch(): Uint16Array {
  return new Uint16Array(1 << HASH_BITS);
}

/**
 * Deflates at most 64 KiB, which refer to nothing outside of themselves, to `output` from `at` on.
 *
 * @returns where the block ends.
 */
export function lz4WriteBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
  scratch: Uint16Array,
): number {
  scratch.fill(0);
  let literalStart = start;
  let from = start + 1;
  let missed = 32;
  const stop = end - LAST_MATCH_BYTES;
  const matchEnd = end - LAST_LITERALS;
  while (from <= stop) {
    const word = wordAt(bytes, from);
    const slot = Math.imul(word, 0x9e37_79b1) >>> (32 - HASH_BITS);
    const candidate = start + scratch[slot];
    scratch[slot] = from - start;
    if (candidate >= from || wordAt(bytes, candidate) !== word) {
      // The longer nothing repeats, the wider the steps: data that does not compress costs little.
      from += missed++ >>> 5;
      continue;
    }
    let length = MIN_MATCH;
    while (from + length < matchEnd && bytes[candidate + length] === bytes[from + length]) length++;
    at = writeLiterals(bytes, literalStart, from, length - MIN_MATCH, output, at);
    output[at++] = from - candidate;
    output[at++] = (from - candidate) >>> 8;
    at = writeMore(length - MIN_MATCH, output, at);
    from += length;
    literalStart = from;
    missed = 32;
  }
  return writeLiterals(bytes, literalStart, end, 0, output, at);
}

/** Writes a token, the length of its literals and the literals. */
function writeLiterals(
  bytes: Uint8Array,
  start: number,
  end: number,
  matchLength: number,
  output: Uint8Array,
  at: number,
): number {
  const length = end - start;
  output[at++] = (Math.min(length, TOKEN_LENGTH_MAX) << 4) |
    Math.min(matchLength, TOKEN_LENGTH_MAX);
  at = writeMore(length, output, at);
  copyBytes(bytes, start, output, at, length);
  return at + length;
}

/** Writes what of a length did not fit its token. */
function writeMore(length: number, output: Uint8Array, at: number): number {
  if (length < TOKEN_LENGTH_MAX) return at;
  let rest = length - TOKEN_LENGTH_MAX;
  for (; rest >= 255; rest -= 255) output[at++] = 255;
  output[at++] = rest;
  return at;
}

/**
 * Inflates one block behind what `output` holds; matches may reach back to `historyStart` in it.
 *
 * `output` must have room for `blockBytesMax` more bytes.
 *
 * @throws KafkaError CORRUPT_MESSAGE
 */
export function lz4ReadBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: GrowingBytes,
  historyStart: number,
  blockBytesMax: number,
): void {
  const target = output.bytes;
  const targetEnd = output.length + blockBytesMax;
  let from = start;
  let at = output.length;
  for (;;) {
    if (from >= end) throw corrupt("lz4", "block ends inside a sequence");
    const token = bytes[from++];
    let length = token >>> 4;
    if (length === TOKEN_LENGTH_MAX) {
      let more: number;
      do {
        if (from >= end) throw corrupt("lz4", "length of literals is cut short");
        more = bytes[from++];
        length += more;
      } while (more === 255);
    }
    if (length > end - from || length > targetEnd - at) {
      throw corrupt("lz4", `${length} literals do not fit`);
    }
    copyBytes(bytes, from, target, at, length);
    from += length;
    at += length;
    if (from === end) break;
    if (end - from < 2) throw corrupt("lz4", "distance is cut short");
    const distance = bytes[from] | (bytes[from + 1] << 8);
    from += 2;
    length = (token & 15) + MIN_MATCH;
    if ((token & 15) === TOKEN_LENGTH_MAX) {
      let more: number;
      do {
        if (from >= end) throw corrupt("lz4", "length of a match is cut short");
        more = bytes[from++];
        length += more;
      } while (more === 255);
    }
    if (distance === 0 || distance > at - historyStart || length > targetEnd - at) {
      throw corrupt("lz4", `match of ${length} bytes from ${distance} back does not fit`);
    }
    copyMatch(target, at, distance, length);
    at += length;
  }
  output.length = at;
}
