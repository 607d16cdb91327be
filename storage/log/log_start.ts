import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";

const VERSION = 1;

/** Where a log begins, once records were deleted in front. */
export interface LogStart {
  readonly offset: number;
  /** Bytes of batches in front of it that are not swept yet. */
  readonly deadBytes: number;
}

/** A log start as stored. */
export function encodeLogStart({ offset, deadBytes }: LogStart): Uint8Array {
  const writer = new ByteWriter(20);
  writer.uint8(VERSION);
  writer.varint(offset);
  writer.varint(deadBytes);
  return seal(writer);
}

/**
 * A log start from bytes.
 *
 * @throws RangeError when they are damaged or of an unknown version.
 */
export function decodeLogStart(bytes: Uint8Array): LogStart {
  const reader = unseal(bytes, VERSION, "start of a log");
  return { offset: reader.varint(), deadBytes: reader.varint() };
}
