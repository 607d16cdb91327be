/**
 * What errors mean for a transaction. Source: Kafka's `TransactionManager`, handler by handler.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import {
  AbortableTransactionError,
  asError,
  FatalTransactionError,
  isTransactionError,
  type TransactionError,
} from "../errors.ts";

/** Where an error comes from: a partition's leader, or a coordinator that was asked for this. */
export type TransactionStep = "produce" | "add" | "offsets" | "init" | "end";

/** Nobody gets over these. */
const FATAL: ReadonlySet<ErrorName> = new Set([
  "PRODUCER_FENCED",
  "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_VERSION",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
]);

/** From a coordinator, who would know; a leader may say it of an epoch that the coordinator has just ended. */
const FATAL_FROM_COORDINATORS: ReadonlySet<ErrorName> = new Set([
  "INVALID_PRODUCER_EPOCH",
  "INVALID_TXN_STATE",
]);

/** The coordinator has forgotten the producer id: it gives out another one. */
export const FORGOTTEN: ReadonlySet<ErrorName> = new Set([
  "INVALID_PRODUCER_ID_MAPPING",
  "UNKNOWN_PRODUCER_ID",
]);

/** What an error means for the transaction. */
export function transactionError(
  doing: string,
  step: TransactionStep,
  error: unknown,
): TransactionError {
  if (isTransactionError(error)) return error;
  const cause = asError(error);
  const message = `Cannot ${doing}: ${cause.message}`;
  const kind = cause instanceof KafkaError ? cause.kind : null;
  if (isFatal(step, kind)) {
    // Old versions have one code for both.
    const told = kind === "INVALID_PRODUCER_EPOCH" ? "PRODUCER_FENCED" : kind;
    return new FatalTransactionError(told ?? "UNKNOWN_SERVER_ERROR", message, { cause });
  }
  return new AbortableTransactionError(kind ?? "TRANSACTION_ABORTABLE", message, { cause });
}

function isFatal(step: TransactionStep, kind: ErrorName | null): boolean {
  if (step === "init") return true;
  if (kind === "TRANSACTION_ABORTABLE") return false;
  // Whether the transaction has ended must not stay open.
  if (step === "end") return kind === null || !FORGOTTEN.has(kind);
  if (kind === null) return false;
  return FATAL.has(kind) || step !== "produce" && FATAL_FROM_COORDINATORS.has(kind);
}
