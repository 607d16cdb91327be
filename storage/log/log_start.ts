import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";

const VERSION = 1;

/** Where a log begins, once records were deleted in front, as stored. */
export function encodeLogStart(offset: number): Uint8Array {
  const writer = new ByteWriter(20);
  writer.uint8(VERSION);
  writer.varint(offset);
  return seal(writer);
}

/**
 * Where a log begins, from bytes.
 *
 * @throws RangeError when they are damaged or of an unknown version.
 */
export function decodeLogStart(bytes: Uint8Array): number {
  return unseal(bytes, VERSION, "start of a log").varint();
}
