/**
 * What a transaction coordinator can be asked.
 *
 * @module
 */
import type { ErrorName } from "../../protocol/errors.ts";
import type { Message } from "../core/message.ts";
import type { TopicPartition } from "../group/messages.ts";
import type { ProducerIdentity } from "./identity.ts";
import type { TransactionStateName } from "./transaction_machine.ts";

/** What a producer says of itself whenever it speaks. */
export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string;
}

/** A transactional id, as ListTransactions tells it. */
export interface TransactionListing {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly state: TransactionStateName;
  /** When its transaction began, or the one before if there is none: wall clock; -1 = there has been none. */
  readonly startedMs: number;
}

/** A transactional id, as DescribeTransactions tells it. */
export interface TransactionDescription {
  readonly state: TransactionStateName;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly timeoutMs: number;
  /** When its transaction began, or the one before if there is none: wall clock; -1 = there has been none. */
  readonly startedMs: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
}

export type TransactionMessage =
  | Message<
    /** A producer begins with a transactional id: whoever had it before is fenced, and what it left open is aborted. */
    "init",
    {
      readonly transactionalId: string;
      readonly timeoutMs: number;
      /** Who it takes itself for (KIP-360); null = it begins. */
      readonly expected: ProducerIdentity | null;
    },
    ProducerIdentity
  >
  | Message<
    /** Partitions become part of the transaction, which begins with the first one. */
    "add",
    TransactionalProducer & {
      readonly partitions: readonly TopicPartition[];
      /** Whether to wait a moment, instead of CONCURRENT_TRANSACTIONS, while the one before is still ending. */
      readonly waits?: boolean;
    },
    void
  >
  | Message<
    /** Whether partitions are part of the transaction, in the order of the request. */
    "verify",
    TransactionalProducer & { readonly partitions: readonly TopicPartition[] },
    readonly (ErrorName | null)[]
  >
  | Message<
    /** Commits or aborts. Answered when that is decided for good; the markers may take longer. */
    "end",
    TransactionalProducer & {
      readonly commit: boolean;
      /** KIP-890: the producer goes on with the next epoch, which it is told. */
      readonly bumps: boolean;
    },
    ProducerIdentity
  >
  | Message<"describe", { readonly transactionalId: string }, TransactionDescription | null>
  | Message<"list", Record<never, never>, readonly TransactionListing[]>;
