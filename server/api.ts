/**
 * What one Kafka API is: its versions, its messages, and what is done with a request.
 *
 * @module
 */
import type { ProducerIds } from "../actors/controller/producer_ids.ts";
import type { Address } from "../environment/environment.ts";
import type { KafkaError } from "../protocol/errors.ts";
import type { Draft, Infer, Schema } from "../protocol/schema/mod.ts";
import type { BrokerContext } from "./broker_context.ts";
import type { FetchSessions } from "./fetch/fetch_sessions.ts";
import type { AnswerShare, ResponseMemory } from "./connection/response_memory.ts";
import type { Authorizer, Principal } from "./security/authorizer.ts";
import type { TransactionalAppends } from "./transactions/transactional_appends.ts";

/** What the APIs of one server share. */
export interface ServerState {
  readonly broker: BrokerContext;
  readonly fetchSessions: FetchSessions;
  readonly producerIds: ProducerIds;
  readonly inTransactions: TransactionalAppends;
  readonly responses: ResponseMemory;
  readonly authorizer: Authorizer;
}

/** The connection that a request came on. */
export interface Peer {
  readonly principal: Principal;
  /** Where the client is. */
  readonly remote: Address;
  /** Where clients of the connection's listener are to connect. */
  readonly advertised: Address;
  /** Calls `callback` once when the connection is about to close; returns how to take that back. */
  onClosing(callback: () => void): () => void;
}

/** What a handler knows beside its request. */
export interface RequestContext extends ServerState {
  readonly peer: Peer;
  readonly apiVersion: number;
  readonly clientId: string | null;
  /** What the records of the answer may take of the response memory; given back when it is answered. */
  readonly share: AnswerShare;
  /** Tells that the request now only waits: others may be worked on in its place. */
  park(): void;
}

/** Thrown by a handler when the protocol's answer is to close the connection. */
export class ConnectionRefusal extends Error {
  override readonly name = "ConnectionRefusal";
}

/** An answer, now or later; null where the protocol has none. */
export type Handled<R extends Schema> = Draft<R> | null | Promise<Draft<R> | null>;

/** How an API is declared. */
export interface ApiOptions<Q extends Schema, R extends Schema> {
  readonly name: string;
  readonly key: number;
  /** The versions that are answered, oldest and newest. */
  readonly versions: readonly [oldest: number, newest: number];
  /** The versions that ApiVersions tells, where they are others. */
  readonly advertised?: readonly [oldest: number, newest: number];
  /** One sentence for the table of APIs: what is particular here. */
  readonly note?: string;
  /** Whether requests may be begun before earlier ones of the same API are answered. */
  readonly overlaps?: true;
  readonly request: Q;
  readonly response: R;
  /** The answer, in version 0, to a request in a version that is not served; without it the connection closes. */
  answerUnknownVersion?(): Draft<R>;
  /** Authorize, validate, ask, shape. A KafkaError that it throws is answered through `refuse`. */
  handle(request: Infer<Q>, context: RequestContext): Handled<R>;
  /**
   * What `refuse` needs of a request, for an API that parks while others act: the request itself is not kept then, or its
   * bytes would stay in memory when it has given back its share.
   */
  outline?(request: Infer<Q>): Infer<Q>;
  /** The answer that tells of an error of the whole request; null where the protocol has none. */
  refuse(request: Infer<Q>, error: KafkaError, context: RequestContext): Draft<R> | null;
}

/** An API as dispatch sees it. */
export interface Api extends ApiOptions<Schema, Schema> {
  readonly advertised: readonly [oldest: number, newest: number];
}

/** Declares an API. */
export function defineApi<Q extends Schema, R extends Schema>(options: ApiOptions<Q, R>): Api {
  // Dispatch only ever hands a handler what the request schema decoded.
  return { advertised: options.versions, ...options } as unknown as Api;
}
