/**
 * Types of messages, behaviours and references: who may be asked what, and what comes back, checked by the compiler.
 *
 * @module
 */

/** One message that an actor understands: its name, what it carries, and what it is answered with. */
export interface Message<Kind extends string, Payload, Reply> {
  readonly kind: Kind;
  readonly payload: Payload;
  readonly reply: Reply;
}

// deno-lint-ignore no-explicit-any
export type AnyMessage = Message<string, any, any>;
/** The payload of message `K` of the union `M`. */
export type PayloadOf<M extends AnyMessage, K extends M["kind"]> = Extract<
  M,
  { kind: K }
>["payload"];
/** The reply to message `K` of the union `M`. */
export type ReplyOf<M extends AnyMessage, K extends M["kind"]> = Extract<M, { kind: K }>["reply"];

/** Returned by a handler that answers later, through its context. The mailbox goes on meanwhile. */
export const PARKED: unique symbol = Symbol("PARKED");

/** What a handler gets beside the payload. */
export interface HandlerContext<Reply> {
  /** Answers the message, now or later. A second answer is ignored. */
  reply(value: Reply): void;
  /** Answers the message with an error, now or later. */
  fail(error: Error): void;
}

/** What a handler may return: the answer, a promise of it (the mailbox waits), or {@linkcode PARKED} (it does not). */
export type Handled<Reply> = Reply | Promise<Reply> | typeof PARKED;

/** An actor: one handler per message. */
export type Behavior<M extends AnyMessage> = {
  [K in M["kind"]]: (
    payload: PayloadOf<M, K>,
    context: HandlerContext<ReplyOf<M, K>>,
  ) => Handled<ReplyOf<M, K>>;
};

/** Options of one ask. */
export interface AskOptions {
  /** Milliseconds after which the asker gets KafkaError REQUEST_TIMED_OUT; the actor may still do the work. */
  readonly deadlineMs?: number;
}

/** The address of an actor. */
export interface ActorRef<M extends AnyMessage> {
  readonly name: string;
  /** Sends a message and waits for the answer. An idle actor begins to work on it before `ask` returns. */
  ask<K extends M["kind"]>(
    kind: K,
    payload: PayloadOf<M, K>,
    options?: AskOptions,
  ): Promise<ReplyOf<M, K>>;
  /**
   * As {@linkcode ask}, but gives the answer itself when the actor has it at once: for reads that are asked by the
   * thousand.
   *
   * @throws at once what the actor fails at once
   */
  askNow<K extends M["kind"]>(
    kind: K,
    payload: PayloadOf<M, K>,
  ): ReplyOf<M, K> | Promise<ReplyOf<M, K>>;
  /** Sends a message and forgets it. */
  tell<K extends M["kind"]>(kind: K, payload: PayloadOf<M, K>): void;
  /** Stops the actor: what it holds is failed with the actor's unavailable error. Idempotent. */
  stop(): void;
}

/** What an actor knows of itself. */
export interface Self {
  readonly name: string;
  /** Which life this is: 1 for the first, a higher number after each crash or failed start. */
  readonly life: number;
  /** Runs `completion` in this actor's turn, before the next message: for results of work done outside. Never full. */
  enqueue(completion: () => void): void;
  /** Runs `callback` in this actor's turn after `delayMs`; the timer dies with the actor. */
  schedule(delayMs: number, callback: () => void): { cancel(): void };
}
