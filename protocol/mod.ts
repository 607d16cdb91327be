/**
 * The wire protocol of Kafka 4.3 without any I/O: messages, frames, errors.
 *
 * The messages of an API are imported from its own file, `./messages/NN_name.ts`.
 *
 * @module
 */
export {
  ERROR_CODES,
  type ErrorFact,
  errorFact,
  type ErrorName,
  errorName,
  invariant,
  InvariantError,
  KafkaError,
} from "./errors.ts";
export {
  correlationIdOf,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestFacts,
  type RequestHeader,
  type Response,
} from "./frames.ts";
export { API_MESSAGES, type ApiMessages, type ListenerType } from "./messages/mod.ts";
export {
  decodeMessage,
  decodeRecordKey,
  decodeVersioned,
  type Draft,
  encodeMessage,
  encodeRecordKey,
  encodeVersioned,
  type Infer,
  joined,
  latestStableVersion,
  recordTypeOf,
  type Schema,
} from "./schema/mod.ts";
export { uuidFromBytes, uuidToBytes, ZERO_UUID } from "./uuid.ts";
