/**
 * Snappy in both shapes that Kafka clients write: xerial-framed blocks (Java, kafkajs, sarama, kafka-python) and one
 * plain block without a frame (librdkafka, franz-go). The official "sNaPpY" framing format is not used by anybody.
 *
 * Written is what Java writes: xerial framing, 32 KiB of input to a block.
 *
 * @module
 */
import { int32At, putInt32 } from "../records/big_endian.ts";
import { corrupt, tooLarge } from "./errors.ts";
import { copyBytes, copyMatch, wordAt } from "./output.ts";

const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
/** Magic, int32 version, int32 oldest compatible version. */
const XERIAL_HEADER_BYTES = 16;
const XERIAL_VERSION = 1;
const BLOCK_BYTES = 32 * 1024;
/** A copy of 3 bytes gives at most 64: no valid block grows by more than that. */
const GROWTH_MAX = 22;

/** Bytes of the distance after a tag, by the tag's two low bits. */
const COPY_EXTRA_BYTES = [0, 1, 2, 4];

const HASH_BITS = 13;
const MIN_MATCH = 4;
/** The last bytes of a block are always literals, so that a match can be sought four bytes at a time. */
const TAIL_BYTES = 15;

/** Deflates into xerial-framed blocks. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const output = new Uint8Array(
    XERIAL_HEADER_BYTES + blocks * (4 + blockBytesMax(Math.min(BLOCK_BYTES, bytes.length))),
  );
  output.set(XERIAL_MAGIC);
  putInt32(output, 8, XERIAL_VERSION);
  putInt32(output, 12, XERIAL_VERSION);
  const table = new Uint16Array(1 << HASH_BITS);
  let at = XERIAL_HEADER_BYTES;
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    const blockEnd = writeBlock(bytes, start, end, output, at + 4, table);
    putInt32(output, at, blockEnd - at - 4);
    at = blockEnd;
  }
  return output.subarray(0, at);
}

/**
 * Inflates either shape.
 *
 * @throws KafkaError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE when there would be more than `outputBytesMax`.
 */
export function snappyDecompress(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  if (!hasXerialMagic(bytes, 0)) {
    const output = new Uint8Array(announcedBytes(bytes, 0, bytes.length, outputBytesMax));
    readBlock(bytes, 0, bytes.length, output, 0);
    return output;
  }
  // First pass: how much it will be. Second pass: into one array of that size.
  let total = 0;
  forEachBlock(bytes, (start, end) => {
    total += announcedBytes(bytes, start, end, outputBytesMax - total);
  });
  const output = new Uint8Array(total);
  let at = 0;
  forEachBlock(bytes, (start, end) => {
    at = readBlock(bytes, start, end, output, at);
  });
  return output;
}

function hasXerialMagic(bytes: Uint8Array, at: number): boolean {
  return bytes.length - at >= XERIAL_HEADER_BYTES &&
    XERIAL_MAGIC.every((byte, i) => bytes[at + i] === byte);
}

function forEachBlock(bytes: Uint8Array, visit: (start: number, end: number) => void): void {
  let at = 0;
  while (at < bytes.length) {
    // Streams may be concatenated: a header can come again between blocks.
    if (hasXerialMagic(bytes, at)) {
      const oldest = int32At(bytes, at + 12);
      if (oldest > XERIAL_VERSION) throw corrupt("snappy", `xerial version ${oldest} is unknown`);
      at += XERIAL_HEADER_BYTES;
      continue;
    }
    const left = bytes.length - at - 4;
    const size = left < 0 ? -1 : int32At(bytes, at);
    if (size < 0 || size > left) {
      throw corrupt("snappy", `block of ${size} bytes at ${at} does not fit`);
    }
    visit(at + 4, at + 4 + size);
    at += 4 + size;
  }
}

/** The inflated size that a block announces, checked before anybody allocates it. */
function announcedBytes(bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
  let size = 0;
  for (let shift = 0, at = start;; shift += 7, at++) {
    if (at >= end || shift > 28) throw corrupt("snappy", "its length is cut short or too long");
    size += (bytes[at] & 0x7f) * 2 ** shift;
    if (bytes[at] < 0x80) break;
  }
  if (size > (end - start) * GROWTH_MAX) {
    throw corrupt("snappy", `${end - start} bytes cannot hold the ${size} bytes they announce`);
  }
  if (size > bytesMax) throw tooLarge("snappy", bytesMax);
  return size;
}

/** Inflates one block to `output` from `at` on and returns where it ends. */
function readBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
): number {
  const outputStart = at;
  const outputEnd = at + announcedBytes(bytes, start, end, output.length - at);
  let from = start;
  while (bytes[from] >= 0x80) from++;
  from++;
  while (from < end) {
    const tag = bytes[from++];
    if ((tag & 3) === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const extra = length - 60;
        if (from + extra > end) throw corrupt("snappy", "literal is cut short");
        length = littleEndian(bytes, from, extra) + 1;
        from += extra;
      }
      if (from + length > end || at + length > outputEnd) {
        throw corrupt("snappy", `literal of ${length} bytes does not fit`);
      }
      copyBytes(bytes, from, output, at, length);
      from += length;
      at += length;
      continue;
    }
    const extra = COPY_EXTRA_BYTES[tag & 3];
    if (from + extra > end) throw corrupt("snappy", "copy is cut short");
    const isNear = extra === 1;
    const length = isNear ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const distance = isNear ? ((tag >>> 5) << 8) | bytes[from] : littleEndian(bytes, from, extra);
    from += extra;
    if (distance === 0 || distance > at - outputStart || at + length > outputEnd) {
      throw corrupt("snappy", `copy of ${length} bytes from ${distance} back does not fit`);
    }
    copyMatch(output, at, distance, length);
    at += length;
  }
  if (at !== outputEnd) throw corrupt("snappy", `${outputEnd - at} announced bytes are missing`);
  return at;
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

/** No block of `length` bytes deflates to more than this. */
function blockBytesMax(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

/** Deflates one block to `output` from `at` on and returns where it ends. `table` is scratch space. */
function writeBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
  table: Uint16Array,
): number {
  let rest = end - start;
  while (rest >= 0x80) {
    output[at++] = rest | 0x80;
    rest >>>= 7;
  }
  output[at++] = rest;
  table.fill(0);
  let literalStart = start;
  let from = start + 1;
  let missed = 32;
  const stop = end - TAIL_BYTES;
  while (from < stop) {
    const word = wordAt(bytes, from);
    const slot = Math.imul(word, 0x1e35_a7bd) >>> (32 - HASH_BITS);
    const candidate = start + table[slot];
    table[slot] = from - start;
    if (candidate >= from || wordAt(bytes, candidate) !== word) {
      // The longer nothing repeats, the wider the steps: data that does not compress costs little.
      from += missed++ >>> 5;
      continue;
    }
    let length = MIN_MATCH;
    while (from + length < end && bytes[candidate + length] === bytes[from + length]) length++;
    at = writeLiteral(bytes, literalStart, from, output, at);
    at = writeCopy(from - candidate, length, output, at);
    from += length;
    literalStart = from;
    missed = 32;
  }
  return writeLiteral(bytes, literalStart, end, output, at);
}

function writeLiteral(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
): number {
  const length = end - start;
  if (length === 0) return at;
  if (length <= 60) {
    output[at++] = (length - 1) << 2;
  } else if (length <= 0x100) {
    output[at++] = 60 << 2;
    output[at++] = length - 1;
  } else {
    // Blocks have 32 KiB: two bytes of length are enough.
    output[at++] = 61 << 2;
    output[at++] = length - 1;
    output[at++] = (length - 1) >>> 8;
  }
  copyBytes(bytes, start, output, at, length);
  return at + length;
}

function writeCopy(distance: number, length: number, output: Uint8Array, at: number): number {
  let left = length;
  // A rest of fewer than 4 bytes could not be written in the short form.
  while (left >= 68) {
    at = writeFarCopy(distance, 64, output, at);
    left -= 64;
  }
  if (left > 64) {
    at = writeFarCopy(distance, 60, output, at);
    left -= 60;
  }
  if (left >= 12 || distance >= 2048) return writeFarCopy(distance, left, output, at);
  output[at] = 1 | ((left - 4) << 2) | ((distance >>> 8) << 5);
  output[at + 1] = distance;
  return at + 2;
}

function writeFarCopy(distance: number, length: number, output: Uint8Array, at: number): number {
  output[at] = 2 | ((length - 1) << 2);
  output[at + 1] = distance;
  output[at + 2] = distance >>> 8;
  return at + 3;
}
