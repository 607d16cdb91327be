/**
 * Requests and responses as they travel: an int32 size, a header, a body.
 *
 * @module
 */
import { API_MESSAGES } from "./messages/mod.ts";
import { readMessage, writeMessage } from "./schema/codec.ts";
import type { DecodeLimits } from "./schema/limits.ts";
import { type Draft, type Infer, isFlexible, type Schema } from "./schema/message.ts";
import { Reader } from "./schema/reader.ts";
import { includes } from "./schema/versions.ts";
import { Writer } from "./schema/writer.ts";

/** ApiVersions: its response has header v0 in every version, for clients that do not know the broker yet. */
const API_VERSIONS_KEY = 18;

/** The header of a request. */
export interface RequestHeader {
  /** Which API. */
  readonly apiKey: number;
  /** Which version of it. */
  readonly apiVersion: number;
  /** What the answer begins with. */
  readonly correlationId: number;
  /** What the client calls itself. */
  readonly clientId: string | null;
  /** Where the body begins in the frame. */
  readonly bodyOffset: number;
}

/**
 * Decodes the header of a request frame (without its size). Of an API or version that does not exist the tagged fields
 * are not read, because nothing says whether there are any: `bodyOffset` means nothing then.
 *
 * @throws {RangeError} when the frame is too short or malformed
 */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame);
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  // An int16 length in every version of the header.
  const clientIdBytes = reader.int16();
  if (clientIdBytes < -1) throw new RangeError(`A client id of ${clientIdBytes} bytes`);
  const clientId = clientIdBytes === -1 ? null : reader.string(clientIdBytes);
  const request = API_MESSAGES.get(apiKey)?.request;
  if (request && includes(request.versions, apiVersion) && isFlexible(request, apiVersion)) {
    skipTags(reader);
  }
  return { apiKey, apiVersion, correlationId, clientId, bodyOffset: reader.position };
}

/** What goes into the header of a request. */
export interface RequestFacts<S extends Schema> {
  readonly schema: S;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/**
 * Encodes a request frame, size included, as a gather list.
 *
 * @throws as `encodeMessage`
 */
export function encodeRequest<S extends Schema>(
  { schema, version, correlationId, clientId }: RequestFacts<S>,
  draft: Draft<S>,
): readonly Uint8Array[] {
  const writer = beginFrame();
  writer.int16(apiKeyOf(schema));
  writer.int16(version);
  writer.int32(correlationId);
  if (clientId === null) writer.int16(-1);
  else writer.string(clientId);
  if (isFlexible(schema, version)) writer.uvarint(0);
  writeMessage(writer, schema, version, draft);
  return endFrame(writer);
}

/**
 * Encodes a response frame, size included, as a gather list.
 *
 * @throws as `encodeMessage`
 */
export function encodeResponse<S extends Schema>(
  schema: S,
  version: number,
  correlationId: number,
  draft: Draft<S>,
): readonly Uint8Array[] {
  const writer = beginFrame();
  writer.int32(correlationId);
  if (hasResponseTags(schema, version)) writer.uvarint(0);
  writeMessage(writer, schema, version, draft);
  return endFrame(writer);
}

/**
 * The correlation id of a response frame (without its size).
 *
 * @throws {RangeError} when the frame is too short
 */
export function correlationIdOf(frame: Uint8Array): number {
  return new Reader(frame).int32();
}

/** A decoded response. */
export interface Response<S extends Schema> {
  readonly correlationId: number;
  readonly body: Infer<S>;
}

/**
 * Decodes a response frame (without its size). Byte strings are views into it.
 *
 * @throws as `decodeMessage`
 */
export function decodeResponse<S extends Schema>(
  schema: S,
  version: number,
  frame: Uint8Array,
  limits?: DecodeLimits,
): Response<S> {
  const reader = new Reader(frame, 0, limits);
  const correlationId = reader.int32();
  if (hasResponseTags(schema, version)) skipTags(reader);
  return { correlationId, body: readMessage(reader, schema, version) };
}

function hasResponseTags(schema: Schema, version: number): boolean {
  return apiKeyOf(schema) !== API_VERSIONS_KEY && isFlexible(schema, version);
}

function apiKeyOf(schema: Schema): number {
  if (schema.apiKey === undefined) throw new TypeError(`${schema.name} belongs to no API`);
  return schema.apiKey;
}

/** No tag of a header is known. */
function skipTags(reader: Reader): void {
  const count = reader.uvarint();
  if (count > reader.limits.unknownTagsMax) throw new RangeError(`${count} tags in a header`);
  for (let i = 0; i < count; i++) {
    reader.uvarint();
    reader.view(reader.uvarint());
  }
}

function beginFrame(): Writer {
  const writer = new Writer();
  writer.int32(0);
  return writer;
}

/** Puts the size of the frame where {@linkcode beginFrame} left room for it. */
function endFrame(writer: Writer): readonly Uint8Array[] {
  const sizeBytes = writer.length - 4;
  const slices = writer.finish();
  const [first] = slices;
  new DataView(first.buffer, first.byteOffset).setInt32(0, sizeBytes);
  return slices;
}
