/**
 * Our own stored values as bytes: two bytes of version, then the body in the notation of Kafka's messages.
 *
 * @module
 */
import { decodeMessage, encodeMessage } from "../protocol/schema/codec.ts";
import type { Draft, Infer, Schema } from "../protocol/schema/message.ts";

/** A value in the newest version of its schema. */
export function encodeValue<S extends Schema>(schema: S, draft: Draft<S>): Uint8Array {
  const version = schema.versions.max;
  const slices = encodeMessage(schema, version, draft);
  const bytes = new Uint8Array(slices.reduce((length, slice) => length + slice.length, 2));
  bytes[0] = version >> 8;
  bytes[1] = version;
  let position = 2;
  for (const slice of slices) {
    bytes.set(slice, position);
    position += slice.length;
  }
  return bytes;
}

/**
 * The value in whatever version it was stored.
 *
 * @throws RangeError when the version is not known (data of a newer release), or the bytes are damaged
 */
export function decodeValue<S extends Schema>(schema: S, bytes: Uint8Array): Infer<S> {
  const version = bytes.length < 2 ? -1 : (bytes[0] << 8) | bytes[1];
  const { min, max } = schema.versions;
  if (version < min || version > max) {
    throw new RangeError(
      `${schema.name} is stored in version ${version}; this release knows ${min} to ${max}`,
    );
  }
  return decodeMessage(schema, version, bytes.subarray(2));
}
