/**
 * LZ4 frames as Kafka uses them (KIP-57, Kafka's Lz4BlockInputStream and Lz4BlockOutputStream).
 *
 * Written is what Java writes and can read: independent blocks of 64 KiB, no checksums but the header's. Read is more:
 * linked blocks (the reference library's default, which Java refuses), all block sizes, and every checksum is verified.
 *
 * @module
 */
import { corrupt, tooLarge } from "./errors.ts";
import { lz4BlockBytesMax, lz4ReadBlock, lz4Scratch, lz4WriteBlock } from "./lz4_block.ts";
import { GrowingBytes } from "./output.ts";
import { xxhash32 } from "./xxhash32.ts";

const MAGIC = 0x184d_2204;
const BLOCK_BYTES = 64 * 1024;
/** Magic, version 1 with independent blocks, blocks of 64 KiB, and the checksum of these two bytes. */
const JAVA_HEADER = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const END_MARK_BYTES = 4;
const STORED_BIT = 0x8000_0000;
/** A byte of a match's length stands for at most 255 bytes of output. */
const GROWTH_MAX = 255;

/** Deflates into one frame. */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const blockBytesMax = lz4BlockBytesMax(Math.min(BLOCK_BYTES, bytes.length));
  const output = new Uint8Array(
    JAVA_HEADER.length + blocks * (4 + blockBytesMax) + END_MARK_BYTES,
  );
  const words = new DataView(output.buffer);
  output.set(JAVA_HEADER);
  const scratch = lz4Scratch();
  let at = JAVA_HEADER.length;
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    const blockEnd = lz4WriteBlock(bytes, start, end, output, at + 4, scratch);
    let size = blockEnd - at - 4;
    if (size < end - start) {
      words.setUint32(at, size, true);
    } else {
      size = end - start;
      words.setUint32(at, size + STORED_BIT, true);
      output.set(bytes.subarray(start, end), at + 4);
    }
    at += 4 + size;
  }
  words.setUint32(at, 0, true);
  return output.subarray(0, at + END_MARK_BYTES);
}

/**
 * Inflates one frame.
 *
 * @throws KafkaError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE when there would be more than `outputBytesMax`.
 */
export function lz4Decompress(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  const frame = readFrameHeader(bytes);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const guess = Math.min(outputBytesMax, 4 * bytes.length);
  const output = new GrowingBytes(Math.min(frame.contentBytes ?? guess, guess));
  let at = frame.blocksStart;
  for (;;) {
    const size = wordAt(words, at);
    at += 4;
    if (size === 0) break;
    const end = at + size % STORED_BIT;
    if (end > bytes.length) throw corrupt("lz4", `block at ${at} is cut short`);
    if (frame.blockChecksums && wordAt(words, end) !== xxhash32(bytes, at, end)) {
      throw corrupt("lz4", `block at ${at} has a wrong checksum`);
    }
    if (size >= STORED_BIT) {
      const stored = bytes.subarray(at, end);
      if (stored.length > frame.blockBytesMax) throw corrupt("lz4", "stored block is too large");
      if (output.length + stored.length > outputBytesMax) throw tooLarge("lz4", outputBytesMax);
      output.push(stored);
    } else {
      const blockBytesMax = Math.min(frame.blockBytesMax, GROWTH_MAX * size);
      output.reserve(blockBytesMax);
      const historyStart = frame.linked ? 0 : output.length;
      lz4ReadBlock(bytes, at, end, output, historyStart, blockBytesMax);
      if (output.length > outputBytesMax) throw tooLarge("lz4", outputBytesMax);
    }
    at = end + (frame.blockChecksums ? 4 : 0);
  }
  const content = output.written();
  if (frame.contentChecksum) {
    if (wordAt(words, at) !== xxhash32(content)) throw corrupt("lz4", "content checksum is wrong");
    at += 4;
  }
  if (frame.contentBytes !== null && frame.contentBytes !== content.length) {
    throw corrupt("lz4", `${frame.contentBytes} bytes announced, ${content.length} found`);
  }
  if (at !== bytes.length) throw corrupt("lz4", `${bytes.length - at} bytes follow the frame`);
  return content;
}

/** Whether these bytes begin a frame with blocks that refer to earlier ones, which Java's consumer refuses. */
export function lz4HasLinkedBlocks(bytes: Uint8Array): boolean {
  return bytes.length > 4 && (bytes[4] & 0x20) === 0;
}

interface FrameHeader {
  readonly blocksStart: number;
  readonly blockBytesMax: number;
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentBytes: number | null;
}

function readFrameHeader(bytes: Uint8Array): FrameHeader {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < JAVA_HEADER.length || words.getUint32(0, true) !== MAGIC) {
    throw corrupt("lz4", "it does not begin with a frame");
  }
  const flags = bytes[4];
  const blockSize = bytes[5];
  if (flags >>> 6 !== 1) throw corrupt("lz4", `frame version ${flags >>> 6} is unknown`);
  if ((flags & 0x02) !== 0 || (blockSize & 0x8f) !== 0) {
    throw corrupt("lz4", "reserved bits are set");
  }
  if ((flags & 0x01) !== 0) throw corrupt("lz4", "it needs a dictionary");
  if (blockSize >>> 4 < 4) throw corrupt("lz4", `block size ${blockSize >>> 4} is unknown`);
  const hasContentSize = (flags & 0x08) !== 0;
  const checksumAt = hasContentSize ? 14 : 6;
  if (bytes.length <= checksumAt) throw corrupt("lz4", "frame header is cut short");
  if (bytes[checksumAt] !== ((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff)) {
    throw corrupt("lz4", "frame header has a wrong checksum");
  }
  return {
    blocksStart: checksumAt + 1,
    // 4 to 7 stand for 64 KiB, 256 KiB, 1 MiB, 4 MiB.
    blockBytesMax: 1 << (8 + 2 * (blockSize >>> 4)),
    linked: (flags & 0x20) === 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    contentBytes: hasContentSize ? Number(words.getBigUint64(6, true)) : null,
  };
}

function wordAt(words: DataView, at: number): number {
  if (at + 4 > words.byteLength) throw corrupt("lz4", "frame is cut short");
  return words.getUint32(at, true);
}
