/**
 * Compression of a batch's records: synchronous, and bounded where bytes come from somebody else.
 *
 * @module
 */
import type { Codec } from "./codec.ts";
import { tooLarge } from "./errors.ts";
import { gzipCompress, gzipDecompress } from "./gzip.ts";
import { lz4Compress, lz4Decompress } from "./lz4.ts";
import { snappyCompress, snappyDecompress } from "./snappy.ts";
import { zstdCompress, zstdDecompress } from "./zstd.ts";

export { type Codec, codecFromId, codecId, CODECS } from "./codec.ts";

/** How much may come out of compressed bytes. */
export interface InflateLimits {
  /** In bytes. */
  readonly outputBytesMax: number;
  /** Output per byte of input. Applies above {@linkcode RATIO_FREE_BYTES}; {@linkcode RATIO_MAX} if left out. */
  readonly ratioMax?: number;
}

/** Real data does not shrink to less than a two-thousandth; what zstd makes of zeros may, and that is a bomb. */
export const RATIO_MAX = 2048;
/** 16 MiB: output up to this size is harmless, however little it came from. Benchmarks do send zeros. */
export const RATIO_FREE_BYTES = 16 * 1024 * 1024;
/** 128 MiB: more than any batch that Kafka's defaults let through inflates to. */
export const DEFAULT_INFLATE_LIMITS: InflateLimits = { outputBytesMax: 128 * 1024 * 1024 };

/**
 * Deflates. `level` applies to gzip (-1, 1 to 9) and zstd (-131072 to 22); the others have none here.
 * With codec `none` the input itself is returned.
 */
export function compress(codec: Codec, bytes: Uint8Array, level?: number): Uint8Array {
  switch (codec) {
    case "none":
      return bytes;
    case "gzip":
      return gzipCompress(bytes, level);
    case "snappy":
      return snappyCompress(bytes);
    case "lz4":
      return lz4Compress(bytes);
    case "zstd":
      return zstdCompress(bytes, level);
  }
}

/**
 * Inflates. With codec `none` the input itself is returned.
 *
 * @throws KafkaError CORRUPT_MESSAGE when the bytes are not what the codec prescribes, MESSAGE_TOO_LARGE when more
 * would come out than the limits allow.
 */
export function decompress(
  codec: Codec,
  bytes: Uint8Array,
  limits: InflateLimits = DEFAULT_INFLATE_LIMITS,
): Uint8Array {
  const byRatio = Math.max(RATIO_FREE_BYTES, bytes.length * (limits.ratioMax ?? RATIO_MAX));
  const outputBytesMax = Math.min(limits.outputBytesMax, byRatio);
  switch (codec) {
    case "none":
      if (bytes.length > outputBytesMax) throw tooLarge(codec, outputBytesMax);
      return bytes;
    case "gzip":
      return gzipDecompress(bytes, outputBytesMax);
    case "snappy":
      return snappyDecompress(bytes, outputBytesMax);
    case "lz4":
      return lz4Decompress(bytes, outputBytesMax);
    case "zstd":
      return zstdDecompress(bytes, outputBytesMax);
  }
}
