/**
 * From the bytes of a request to the bytes of its answer.
 *
 * @module
 */
import { KafkaError } from "../protocol/errors.ts";
import { decodeRequestHeader, encodeResponse, type RequestHeader } from "../protocol/frames.ts";
import {
  type Draft,
  Reader,
  readMessageStart,
  REQUEST_LIMITS,
  type Schema,
} from "../protocol/schema/mod.ts";
import type { Answer } from "./connection/answer_queue.ts";
import { type Api, ConnectionRefusal, type RequestContext } from "./api.ts";
import { ProtocolViolation } from "./connection/frame_reader.ts";

/** A request whose header was read. */
export interface Call {
  readonly api: Api;
  readonly header: RequestHeader;
  readonly frame: Uint8Array;
}

/**
 * Reads the header of a request.
 *
 * @throws ProtocolViolation when the API or the version was never offered, or the bytes are no header
 */
export function readCall(frame: Uint8Array, apis: ReadonlyMap<number, Api>): Call {
  let header: RequestHeader;
  try {
    header = decodeRequestHeader(frame);
  } catch (error) {
    throw malformed("A request header is malformed", error);
  }
  const api = apis.get(header.apiKey);
  if (api === undefined) {
    throw new ProtocolViolation(`A request asked for API ${header.apiKey}, which is not offered`);
  }
  if (!isServed(api, header.apiVersion) && api.answerUnknownVersion === undefined) {
    throw new ProtocolViolation(
      `A request asked for ${api.name} v${header.apiVersion}, which is not offered`,
    );
  }
  return { api, header, frame };
}

/**
 * Answers a request, at once where its handler does.
 *
 * @throws ProtocolViolation, ConnectionRefusal (as a rejection, too) when the connection has to be closed instead
 */
export function answerTo(call: Call, context: RequestContext): Answer | Promise<Answer> {
  const { api, header, frame } = call; // what waits for the handler knows nothing of the frame, so it keeps no bytes
  if (!isServed(api, header.apiVersion)) {
    return encodeResponse(api.response, 0, header.correlationId, api.answerUnknownVersion!());
  }
  const request = decodeBody(api, header, frame);
  let kept = request;
  const encode = (draft: Draft<Schema> | null): Answer =>
    draft === null
      ? null
      : encodeResponse(api.response, header.apiVersion, header.correlationId, draft);
  const refuse = (error: unknown): Answer => {
    if (error instanceof ConnectionRefusal) throw error;
    const outcome = error instanceof KafkaError ? error : unforeseen(error, header, api, context);
    return encode(api.refuse(kept, outcome, context));
  };
  const succeed = (draft: Draft<Schema> | null): Answer => {
    try {
      return encode(draft);
    } catch (error) {
      return refuse(unforeseen(error, header, api, context));
    }
  };
  try {
    const handled = api.handle(request, context);
    if (!(handled instanceof Promise)) return succeed(handled);
    if (api.outline) kept = api.outline(request);
    return handled.then(succeed, refuse);
  } catch (error) {
    return refuse(error);
  }
}

function isServed({ versions: [oldest, newest] }: Api, version: number): boolean {
  return version >= oldest && version <= newest;
}

/**
 * Bytes after the end of a request are let pass, as in Kafka: librdkafka's Metadata for all topics has three of them in
 * flexible versions, because it writes an int32 for what is a single byte there.
 */
function decodeBody(api: Api, header: RequestHeader, frame: Uint8Array) {
  try {
    const reader = new Reader(frame, header.bodyOffset, REQUEST_LIMITS);
    return readMessageStart(reader, api.request, header.apiVersion);
  } catch (error) {
    throw malformed(`${api.name} v${header.apiVersion} is malformed`, error);
  }
}

function malformed(what: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new ProtocolViolation(`${what}: ${error.message}`, { cause: error });
}

/** What no handler foresaw is logged, once, and answered as UNKNOWN_SERVER_ERROR. */
function unforeseen(
  error: unknown,
  header: RequestHeader,
  api: Api,
  context: RequestContext,
): KafkaError {
  const { log } = context.broker.environment;
  log.write("error", `${api.name} v${header.apiVersion} failed`, { error });
  return new KafkaError("UNKNOWN_SERVER_ERROR");
}
