/**
 * APIs whose handlers wait until a test lets them go on, and a server that has nothing else.
 *
 * @module
 */
import { BrokerConfig } from "../../config/broker_config.ts";
import { pipe } from "../../environment/pipe.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { listGroupsRequest, listGroupsResponse } from "../../protocol/messages/16_list_groups.ts";
import {
  saslAuthenticateRequest,
  saslAuthenticateResponse,
} from "../../protocol/messages/36_sasl_authenticate.ts";
import { defineApi, type RequestContext } from "../../server/api.ts";
import type { BrokerContext } from "../../server/broker_context.ts";
import { createServer, type Server } from "../../server/server.ts";
import { ManualEnvironment } from "../support/manual_environment.ts";
import { rawFrame, WireClient } from "./support.ts";

export const ALONE = 16;
export const OVERLAPPING = 36;

/** A request that was begun. */
export interface Begun {
  readonly what: string;
  readonly context: RequestContext;
  /** Answers it, with `bytes` bytes of text. */
  answer(bytes?: number): void;
  fail(error: Error): void;
}

/** A server with two APIs, and its clients. */
export interface FakeServer extends AsyncDisposable {
  readonly environment: ManualEnvironment;
  readonly server: Server;
  /** In order. */
  readonly begun: readonly Begun[];
  /** The names of what was begun. */
  names(): string[];
  connect(): WireClient;
  /** A request that may overlap with its like. */
  overlapping(id: number, name: string): Uint8Array;
  /** A request that may not. */
  alone(id: number): Uint8Array;
}

/** A server with two APIs: one whose requests may overlap, one whose requests may not. */
export function startFakeServer(settings: Readonly<Record<string, string>> = {}): FakeServer {
  const environment = new ManualEnvironment();
  const config = BrokerConfig.parse(Object.entries(settings));
  const begun: Begun[] = [];

  function begin<T>(what: string, context: RequestContext, draft: (text: string) => T): Promise<T> {
    return new Promise((resolve, fail) => {
      begun.push({ what, context, answer: (bytes = 0) => resolve(draft("x".repeat(bytes))), fail });
    });
  }

  const alone = defineApi({
    name: "Alone",
    key: ALONE,
    versions: [0, 0],
    request: listGroupsRequest,
    response: listGroupsResponse,
    handle: (_request, context) =>
      begin("alone", context, (text) => ({
        errorCode: 0,
        groups: Array.from({ length: Math.ceil(text.length / 1000) }, () => ({
          groupId: text.slice(0, 1000),
          protocolType: "",
        })),
      })),
    refuse: (_request, { code }) => ({ errorCode: code, groups: [] }),
  });
  const overlapping = defineApi({
    name: "Overlapping",
    key: OVERLAPPING,
    versions: [0, 0],
    overlaps: true,
    request: saslAuthenticateRequest,
    response: saslAuthenticateResponse,
    handle: ({ authBytes }, context) =>
      begin(new TextDecoder().decode(authBytes.subarray(0, 10)), context, (text) => ({
        errorCode: 0,
        errorMessage: null,
        authBytes: new TextEncoder().encode(text),
      })),
    refuse: (_request, { code }) => ({
      errorCode: code,
      errorMessage: null,
      authBytes: new Uint8Array(0),
    }),
  });

  const broker = {
    environment,
    nodeId: 1,
    config: () => config,
    controller: { ask: () => Promise.reject(new KafkaError("NOT_CONTROLLER")) },
  } as unknown as BrokerContext;
  const server = createServer({ broker, apis: [alone, overlapping] });
  return {
    environment,
    server,
    begun,
    names: () => begun.map(({ what }) => what),
    connect: () => {
      const [near, far] = pipe();
      server.accept(far);
      return new WireClient(near);
    },
    overlapping: (id, name) =>
      rawFrame(OVERLAPPING, 0, id, String.fromCharCode(0, 0, 0, name.length) + name),
    alone: (id) => rawFrame(ALONE, 0, id),
    [Symbol.asyncDispose]: async () => {
      const closed = server.close();
      await environment.advance(10_000);
      await closed;
    },
  };
}

/** The correlation id of a response frame. */
export function idOf(frame: Uint8Array | null): number | null {
  return frame && new DataView(frame.buffer, frame.byteOffset).getInt32(0);
}
