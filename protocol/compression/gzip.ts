/**
 * gzip (RFC 1952), one member or several after another.
 *
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { inflateBounded } from "./zlib_options.ts";

/** Deflates into one member. `level` is 1 (quick) to 9 (small), or -1 for zlib's own choice. */
export function gzipCompress(bytes: Uint8Array, level = -1): Uint8Array {
  const output = gzipSync(bytes, { level });
  return new Uint8Array(output.buffer, output.byteOffset, output.length);
}

/**
 * Inflates all members.
 *
 * @throws KafkaError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE when there would be more than `outputBytesMax`.
 */
export function gzipDecompress(bytes: Uint8Array, outputBytesMax: number): Uint8Array {
  return inflateBounded("gzip", gunzipSync, bytes, outputBytesMax, announcedBytes(bytes));
}

/** The size at the end of the last member. Not to be trusted. */
function announcedBytes(bytes: Uint8Array): number {
  if (bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(
    bytes.length - 4,
    true,
  );
}
