/**
 * What gzip and zstd share: how node:zlib is asked for bounded output.
 *
 * @module
 */
import type { Codec } from "./codec.ts";
import { corrupt, tooLarge } from "./errors.ts";

const CHUNK_BYTES_MIN = 1024;
const CHUNK_BYTES_MAX = 256 * 1024;

/**
 * Inflates with one of node:zlib's synchronous functions.
 *
 * @param expectedBytes a guess, which only sets the size of the pieces in which output is allocated.
 * @throws KafkaError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE when there would be more than `outputBytesMax`.
 */
export function inflateBounded(
  codec: Codec,
  inflate: (
    bytes: Uint8Array,
    options: { maxOutputLength: number; chunkSize: number },
  ) => Uint8Array,
  bytes: Uint8Array,
  outputBytesMax: number,
  expectedBytes: number,
): Uint8Array {
  const chunkSize = Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES_MAX, expectedBytes));
  let output: Uint8Array;
  try {
    output = inflate(bytes, { maxOutputLength: Math.max(1, outputBytesMax), chunkSize });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge(codec, outputBytesMax);
    }
    throw corrupt(codec, error instanceof Error ? error.message : String(error), { cause: error });
  }
  if (output.length > outputBytesMax) throw tooLarge(codec, outputBytesMax);
  // A Buffer behaves differently from a Uint8Array (slice, toString): nobody further on should meet one.
  return new Uint8Array(output.buffer, output.byteOffset, output.length);
}
