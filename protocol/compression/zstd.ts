/**
 * Zstandard (RFC 8878, KIP-110), one frame or several, with or without a content size.
 *
 * The frames are walked here before anything is inflated, because node:zlib's synchronous function stops silently after
 * the first frame and where the input is cut short.
 *
 * @module
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { corrupt, tooLarge } from "./errors.ts";
import { inflateBounded } from "./zlib_options.ts";

const MAGIC = 0xfd2f_b528;
/** Skippable frames have any of sixteen magic numbers from here on. */
const SKIPPABLE_MAGIC = 0x184d_2a50;
/** A block never inflates to more. */
const BLOCK_BYTES_MAX = 128 * 1024;
/** Windows of up to 128 MiB are read: what level 22 writes. */
const WINDOW_LOG_MAX = 27;
/**
 * Every frame costs a call of zlib, some 70 µs whatever comes out of it, and the smallest has 9 bytes. Known clients
 * write one frame per batch; Deno's own zlib, for one, may put an empty one behind it.
 */
const FRAMES_FREE = 16;
/** Beyond {@linkcode FRAMES_FREE}, one more frame is let pass for so many bytes. */
const FRAME_BYTES_FAIR = 4096;

const RAW = 0;
const RUN = 1;
const RESERVED = 3;

/** Deflates into one frame. `level` is -131072 (quick) to 22 (small). */
export function zstdCompress(bytes: Uint8Array, level = 3): Uint8Array {
  const output = zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
  return new Uint8Array(output.buffer, output.byteOffset, output.length);
}

/**
 * Inflates all frames; skippable ones are skipped. There may be 16, and one more for every 4 KiB of input.
 *
 * @throws KafkaError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE when there would be more than `outputBytesMax`.
 */
export function zstdDecompress(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  const outputs: Uint8Array[] = [];
  let total = 0;
  for (const frame of readFrames(bytes)) {
    if (frame.skippable) continue;
    const stored = bytes.subarray(frame.start, frame.end);
    const output = inflateFrame(stored, frame, outputBytesMax - total);
    outputs.push(output);
    total += output.length;
  }
  if (outputs.length === 0) throw corrupt("zstd", "there is no frame");
  if (outputs.length === 1) return outputs[0];
  const output = new Uint8Array(total);
  let at = 0;
  for (const part of outputs) {
    output.set(part, at);
    at += part.length;
  }
  return output;
}

interface Frame {
  readonly start: number;
  readonly end: number;
  readonly skippable: boolean;
  /** No more than this comes out. */
  readonly outputBytesMax: number;
  /** Exactly this comes out, if the frame tells. */
  readonly contentBytes: number | null;
}

function inflateFrame(bytes: Uint8Array, frame: Frame, outputBytesMax: number): Uint8Array {
  if (frame.contentBytes !== null) {
    if (frame.contentBytes > frame.outputBytesMax) {
      throw corrupt("zstd", `its blocks cannot hold the ${frame.contentBytes} bytes it announces`);
    }
    if (frame.contentBytes > outputBytesMax) throw tooLarge("zstd", outputBytesMax);
  }
  const output = inflateBounded(
    "zstd",
    (input, options) =>
      zstdDecompressSync(input, {
        ...options,
        params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
      }),
    bytes,
    outputBytesMax,
    frame.contentBytes ?? frame.outputBytesMax,
  );
  if (frame.contentBytes !== null && frame.contentBytes !== output.length) {
    throw corrupt("zstd", `${frame.contentBytes} bytes announced, ${output.length} found`);
  }
  return output;
}

/** Finds all frames, so that too many of them are refused before the first is inflated. */
function readFrames(bytes: Uint8Array): readonly Frame[] {
  const framesMax = FRAMES_FREE + Math.floor(bytes.length / FRAME_BYTES_FAIR);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    if (frames.length === framesMax) {
      throw corrupt("zstd", `${bytes.length} bytes are more than ${framesMax} frames`);
    }
    const frame = readFrame(bytes, at);
    frames.push(frame);
    at = frame.end;
  }
  return frames;
}

/** Finds the end of the frame at `start` by the headers of its blocks. */
function readFrame(bytes: Uint8Array, start: number): Frame {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const need = (at: number, count: number): void => {
    if (count > bytes.length - at) throw corrupt("zstd", `frame at ${start} is cut short`);
  };
  need(start, 5);
  const magic = words.getUint32(start, true);
  if (((magic ^ SKIPPABLE_MAGIC) & ~15) === 0) {
    need(start, 8);
    const size = words.getUint32(start + 4, true);
    need(start + 8, size);
    return { start, end: start + 8 + size, skippable: true, outputBytesMax: 0, contentBytes: null };
  }
  if (magic !== MAGIC) throw corrupt("zstd", `no frame begins at ${start}`);
  const descriptor = bytes[start + 4];
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw corrupt("zstd", "a reserved bit is set");
  if ((descriptor & 0x03) !== 0) throw corrupt("zstd", "it needs a dictionary");
  const sizeAt = start + 5 + (singleSegment ? 0 : 1);
  const sizeBytes = descriptor >>> 6 === 0 ? (singleSegment ? 1 : 0) : 1 << (descriptor >>> 6);
  need(sizeAt, sizeBytes);
  const contentBytes = readContentSize(words, sizeAt, sizeBytes);

  let at = sizeAt + sizeBytes;
  let outputBytesMax = 0;
  for (let last = false; !last;) {
    need(at, 3);
    const header = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    last = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    if (type === RESERVED) throw corrupt("zstd", "a block is of a reserved type");
    const size = header >>> 3;
    const storedBytes = type === RUN ? 1 : size;
    need(at + 3, storedBytes);
    at += 3 + storedBytes;
    outputBytesMax += type === RAW || type === RUN ? size : BLOCK_BYTES_MAX;
  }
  if ((descriptor & 0x04) !== 0) {
    need(at, 4);
    at += 4;
  }
  return { start, end: at, skippable: false, outputBytesMax, contentBytes };
}

function readContentSize(words: DataView, at: number, sizeBytes: number): number | null {
  switch (sizeBytes) {
    case 1:
      return words.getUint8(at);
    case 2:
      // So that each size has one form only, two bytes begin where one byte ends.
      return words.getUint16(at, true) + 256;
    case 4:
      return words.getUint32(at, true);
    case 8:
      return Number(words.getBigUint64(at, true));
    default:
      return null;
  }
}
