/**
 * Small stored values: a version, a body, a checksum.
 *
 * @module
 */
import { checksum } from "../checksum.ts";
import { ByteReader, type ByteWriter, uint32At } from "./binary.ts";

const CHECKSUM_BYTES = 4;

/** Ends a value with the checksum of what was written into it. */
export function seal(writer: ByteWriter): Uint8Array {
  writer.uint32(checksum(writer.written));
  return writer.toBytes();
}

/**
 * A reader of a value's body.
 *
 * @param what for messages: `summary of a segment`.
 * @throws RangeError when the value is damaged, or of another version.
 */
export function unseal(bytes: Uint8Array, version: number, what: string): ByteReader {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 1 || checksum(bytes, 0, end) !== uint32At(bytes, end)) {
    throw new RangeError(`The ${what} is damaged`);
  }
  const reader = new ByteReader(bytes, 0, end);
  const found = reader.uint8();
  if (found !== version) {
    throw new RangeError(`The ${what} has version ${found}, this program knows ${version}`);
  }
  return reader;
}
