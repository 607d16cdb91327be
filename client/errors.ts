import { errorFact, type ErrorName, errorName, KafkaError } from "../protocol/errors.ts";

/**
 * The open transaction cannot be committed any more. `abortTransaction` gets the producer over it; then the work can be
 * done again in a new transaction.
 */
export class AbortableTransactionError extends KafkaError {
  /** Its class. */
  override readonly name = "AbortableTransactionError";
}

/** The producer cannot go on, e.g. because another one has its transactional id now: close it. */
export class FatalTransactionError extends KafkaError {
  /** Its class. */
  override readonly name = "FatalTransactionError";
}

/** What a transaction may end in beside success. */
export type TransactionError = AbortableTransactionError | FatalTransactionError;

/** The error that a code in an answer stands for; null for 0. */
export function errorFrom(code: number, message?: string | null): KafkaError | null {
  if (code === 0) return null;
  const kind = errorName(code);
  return new KafkaError(kind, message ? `${kind}: ${message}` : kind);
}

/** Throws what {@linkcode errorFrom} makes of a code in an answer. */
export function throwIfError(code: number, message?: string | null): void {
  const error = errorFrom(code, message);
  if (error !== null) throw error;
}

/**
 * The same error, told with what could not be done: `cannot("produce to orders-3", error)`. An error that the protocol has
 * no code for, a bug or a wrong argument, is returned as it is.
 */
export function cannot(doing: string, error: unknown): Error {
  if (!(error instanceof KafkaError) || isTransactionError(error)) return asError(error);
  return new KafkaError(error.kind, `Cannot ${doing}: ${error.message}`, { cause: error });
}

/** An error of the connection: nobody knows whether the request was carried out. */
export function disconnected(message: string, cause?: unknown): KafkaError {
  return new KafkaError("NETWORK_EXCEPTION", message, { cause });
}

/** An error of waiting too long. */
export function timedOut(message: string, cause?: unknown): KafkaError {
  return new KafkaError("REQUEST_TIMED_OUT", message, { cause });
}

/** Whether trying again may help, by Kafka's table of errors. */
export function isRetriable(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.retriable;
}

/** Whether the client's picture of the cluster may be out of date, by Kafka's table of errors. */
export function needsMetadata(kind: ErrorName): boolean {
  return errorFact(kind).invalidMetadata === true;
}

/** Whether an error says already what it means for a transaction. */
export function isTransactionError(error: unknown): error is TransactionError {
  return error instanceof AbortableTransactionError || error instanceof FatalTransactionError;
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
