/**
 * Messages behind an int16 that says how to read them: records of the coordinators (`__consumer_offsets`,
 * `__transaction_state`, `__share_group_state`), the consumer protocol inside classic groups, control records.
 *
 * @module
 */
import { readMessage, writeMessage } from "./codec.ts";
import type { DecodeLimits } from "./limits.ts";
import type { Draft, Infer, Schema } from "./message.ts";
import { Reader } from "./reader.ts";
import { joined } from "./slices.ts";
import { Writer } from "./writer.ts";

/**
 * Encodes a message behind its version, in one piece: the value of a coordinator record, a consumer's subscription.
 *
 * @throws as `encodeMessage`
 */
export function encodeVersioned<S extends Schema>(
  schema: S,
  version: number,
  draft: Draft<S>,
): Uint8Array {
  return encodeBehind(version, schema, version, draft);
}

/**
 * Decodes a message behind its version.
 *
 * @throws as `decodeMessage`
 */
export function decodeVersioned<S extends Schema>(
  schema: S,
  bytes: Uint8Array,
  limits?: DecodeLimits,
): Infer<S> {
  const reader = new Reader(bytes, 0, limits);
  const version = reader.int16();
  return readMessage(reader, schema, version);
}

/**
 * Encodes the key of a coordinator record: behind its record type, always in version 0.
 *
 * @throws as `encodeMessage`
 */
export function encodeRecordKey<S extends Schema>(schema: S, draft: Draft<S>): Uint8Array {
  if (schema.recordType === undefined) throw new TypeError(`${schema.name} is no record key`);
  return encodeBehind(schema.recordType, schema, 0, draft);
}

/**
 * Decodes the key of a coordinator record whose type is known to be the schema's.
 *
 * @throws as `decodeMessage`
 */
export function decodeRecordKey<S extends Schema>(schema: S, key: Uint8Array): Infer<S> {
  const reader = new Reader(key);
  const recordType = reader.int16();
  if (recordType !== schema.recordType) {
    throw new RangeError(`Record type ${recordType} is not that of ${schema.name}`);
  }
  return readMessage(reader, schema, 0);
}

/**
 * The record type that a coordinator record's key begins with.
 *
 * @throws {RangeError} when the key is shorter than that
 */
export function recordTypeOf(key: Uint8Array): number {
  return new Reader(key).int16();
}

function encodeBehind<S extends Schema>(
  prefix: number,
  schema: S,
  version: number,
  draft: Draft<S>,
): Uint8Array {
  const writer = new Writer();
  writer.int16(prefix);
  writeMessage(writer, schema, version, draft);
  return joined(writer.finish());
}
