/**
 * The note that makes cleaned segments count. It is written in one commit when everything else of them is stored; from then
 * on the segments that it names are ended, whether they are deleted already or not.
 *
 * @module
 */
import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";

const VERSION = 1;

/** A publication as stored: the numbers of the segments that are ended by it. */
export function encodePublication(replaced: readonly number[]): Uint8Array {
  const writer = new ByteWriter(16 + replaced.length * 6);
  writer.uint8(VERSION);
  writer.varint(replaced.length);
  for (const segment of replaced) writer.varint(segment);
  return seal(writer);
}

/**
 * A publication from bytes.
 *
 * @throws RangeError when they are damaged or of an unknown version.
 */
export function decodePublication(bytes: Uint8Array): number[] {
  const reader = unseal(bytes, VERSION, "note of a cleaned segment");
  return Array.from({ length: reader.varint() }, () => reader.varint());
}
