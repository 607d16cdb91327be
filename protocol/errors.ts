/**
 * Errors that the protocol has a code for.
 *
 * Three kinds of error are never mixed: {@linkcode KafkaError} is an outcome that is answered to the client; built-in
 * errors (RangeError, TypeError, …) mean malformed input and close the connection; {@linkcode InvariantError} is a bug.
 *
 * @module
 */
import { ERROR_CODES, type ErrorFact } from "./error_codes.ts";

export { ERROR_CODES, type ErrorFact };

/** Name of an error code, e.g. `"UNKNOWN_TOPIC_OR_PARTITION"`. */
export type ErrorName = keyof typeof ERROR_CODES;

const names = new Map<number, ErrorName>(
  (Object.entries(ERROR_CODES) as [ErrorName, ErrorFact][]).map((
    [name, fact],
  ) => [fact.code, name]),
);

/** The name of an error code; `UNKNOWN_SERVER_ERROR` for a code that is in no table. */
export function errorName(code: number): ErrorName {
  return names.get(code) ?? "UNKNOWN_SERVER_ERROR";
}

/** What is known of an error code. */
export function errorFact(name: ErrorName): ErrorFact {
  return ERROR_CODES[name];
}

/**
 * Messages repeat what a client has sent (a name, a value), which may fill a string of the protocol by itself: what is
 * longer is cut, or the answer could not be written.
 */
const MESSAGE_CHARS_MAX = 1000;

/** An outcome that the protocol has a code for. */
export class KafkaError extends Error {
  /** The name of the code, e.g. `"INVALID_TOPIC_EXCEPTION"`. */
  readonly kind: ErrorName;
  /** The number on the wire. */
  readonly code: number;

  /** `message`: what could not be done, and why; the name of the code if left out. It is cut at 1000 characters. */
  constructor(kind: ErrorName, message: string = kind, options?: ErrorOptions) {
    super(cut(message), options);
    this.name = "KafkaError";
    this.kind = kind;
    this.code = ERROR_CODES[kind].code;
  }

  /** Whether a client may retry the request as it is. */
  get retriable(): boolean {
    return ERROR_CODES[this.kind].retriable;
  }
}

/** A bug in this program: something that cannot be, is. */
export class InvariantError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "InvariantError";
  }
}

/** Throws an {@linkcode InvariantError} unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

function cut(message: string): string {
  if (message.length <= MESSAGE_CHARS_MAX) return message;
  return `${message.slice(0, MESSAGE_CHARS_MAX - 1)}…`;
}
