/**
 * What versions of the APIs call the same refusals.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";

/** What goes away by itself. */
const TROUBLE: ReadonlySet<ErrorName> = new Set([
  "COORDINATOR_LOAD_IN_PROGRESS",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR",
  "REQUEST_TIMED_OUT",
]);

/** PRODUCER_FENCED came late: versions below `since` know INVALID_PRODUCER_EPOCH only (KIP-588). */
export function fencedIn(error: KafkaError, apiVersion: number, since: number): KafkaError {
  return error.kind === "PRODUCER_FENCED" && apiVersion < since
    ? new KafkaError("INVALID_PRODUCER_EPOCH", error.message)
    : error;
}

/** How an API is told what its transaction's coordinator has said. */
export interface VerificationTerms {
  /** The code for trouble that goes away by itself, which old clients try again after. */
  readonly trouble: ErrorName;
  /** Whether the client knows to come again when the transaction before is still ending. */
  readonly knowsConcurrent: boolean;
  /** Whether the client can be told to abort its transaction (KIP-890). */
  readonly knowsAbortable: boolean;
}

/** What a client is told of a refusal by the coordinator of its transaction. */
export function verificationError(error: unknown, terms: VerificationTerms): unknown {
  if (!(error instanceof KafkaError)) return error;
  const { kind, message } = error;
  if (kind === "PRODUCER_FENCED") return new KafkaError("INVALID_PRODUCER_EPOCH", message);
  if (TROUBLE.has(kind)) return new KafkaError(terms.trouble, message);
  if (kind === "CONCURRENT_TRANSACTIONS" && !terms.knowsConcurrent) {
    return new KafkaError(terms.trouble, message);
  }
  if (kind === "TRANSACTION_ABORTABLE" && !terms.knowsAbortable) {
    return new KafkaError("INVALID_TXN_STATE", message);
  }
  if (kind === "INVALID_TXN_STATE" && terms.knowsAbortable) {
    return new KafkaError("TRANSACTION_ABORTABLE", message);
  }
  return error;
}
