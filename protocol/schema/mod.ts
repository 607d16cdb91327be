/**
 * Declarative wire schemas: the types and the codec of every version of a message come from one value.
 *
 * @module
 */
export {
  decodeMessage,
  encodeMessage,
  readMessage,
  readMessageStart,
  writeMessage,
} from "./codec.ts";
export {
  array,
  bool,
  bytes,
  type EntityType,
  type Field,
  type FieldOptions,
  type Fields,
  float64,
  int16,
  int32,
  int64,
  int8,
  records,
  type ScalarKind,
  string,
  struct,
  structs,
  uint16,
  uint32,
  type UnknownTag,
  uuid,
} from "./fields.ts";
export { type DecodeLimits, DEFAULT_LIMITS, REQUEST_LIMITS, STRING_BYTES_MAX } from "./limits.ts";
export {
  type Draft,
  type Infer,
  isFlexible,
  latestStableVersion,
  message,
  type MessageOptions,
  type Schema,
} from "./message.ts";
export { Reader } from "./reader.ts";
export { joined } from "./slices.ts";
export {
  decodeRecordKey,
  decodeVersioned,
  encodeRecordKey,
  encodeVersioned,
  recordTypeOf,
} from "./versioned.ts";
export type { VersionRange, Versions } from "./versions.ts";
export { Writer } from "./writer.ts";
