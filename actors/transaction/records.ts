/**
 * The records of transactional ids in `__transaction_state`, as Kafka 4.3 writes them. (Kafka: `TransactionLog`.)
 *
 * @module
 */
import {
  transactionLogKey,
  transactionLogValue,
} from "../../protocol/messages/records/transaction.ts";
import {
  decodeRecordKey,
  decodeVersioned,
  encodeRecordKey,
  encodeVersioned,
  recordTypeOf,
} from "../../protocol/schema/mod.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import { encodable } from "../coordinator/encodable.ts";
import type { TransactionStateName } from "./transaction_machine.ts";

/** The first version with tagged fields: producer ids before and after, and how the client ends transactions. */
const VALUE_VERSION = 1;

/** The numbers of the states. (Kafka: `TransactionState`.) */
const STATES: readonly TransactionStateName[] = [
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
  "Dead",
  "PrepareEpochFence",
];

/** Partitions by topic. */
export type TopicPartitions = ReadonlyMap<string, ReadonlySet<number>>;

/** All that is durable of a transactional id. */
export interface StoredTransaction {
  readonly state: TransactionStateName;
  readonly producerId: bigint;
  /** The producer id whose epochs were used up before; -1 = none. */
  readonly previousProducerId: bigint;
  /** The producer id to go on with once the transaction is complete; -1 = the same. */
  readonly nextProducerId: bigint;
  readonly epoch: number;
  /** How long a transaction may last. */
  readonly timeoutMs: number;
  /** What takes part in the transaction. */
  readonly partitions: TopicPartitions;
  /** Wall clock. */
  readonly updatedMs: number;
  /** Wall clock; -1 = there was none yet. */
  readonly startedMs: number;
  /** 2 = the epoch came with the end of a transaction (KIP-890), so that the one before is known; 0 otherwise. */
  readonly clientVersion: number;
}

/**
 * The record of a transactional id.
 *
 * @throws KafkaError INVALID_REQUEST when a record cannot say it
 */
export function transactionRecord(transactionalId: string, stored: StoredTransaction): Decision {
  return encodable(() => ({
    key: encodeRecordKey(transactionLogKey, { transactionalId }),
    value: encodeVersioned(transactionLogValue, VALUE_VERSION, {
      producerId: stored.producerId,
      previousProducerId: stored.previousProducerId,
      nextProducerId: stored.nextProducerId,
      producerEpoch: stored.epoch,
      transactionTimeoutMs: stored.timeoutMs,
      transactionStatus: STATES.indexOf(stored.state),
      transactionPartitions: stored.state === "Empty" ? null : Array.from(
        stored.partitions,
        ([topic, partitions]) => ({ topic, partitionIds: [...partitions] }),
      ),
      transactionLastUpdateTimestampMs: BigInt(stored.updatedMs),
      transactionStartTimestampMs: BigInt(stored.startedMs),
      clientTransactionVersion: stored.clientVersion,
    }),
  }));
}

/** The record that makes a transactional id forgotten. */
export function transactionTombstone(transactionalId: string): Decision {
  return { key: encodeRecordKey(transactionLogKey, { transactionalId }), value: null };
}

/**
 * What a record says; null for one of a kind that is not known here: a newer version may have written it.
 *
 * @throws RangeError when it is malformed, or in a state that is not known
 */
export function readTransactionRecord({ key, value }: Decision): {
  readonly transactionalId: string;
  /** null = forgotten. */
  readonly stored: StoredTransaction | null;
} | null {
  if (recordTypeOf(key) !== transactionLogKey.recordType) return null;
  const { transactionalId } = decodeRecordKey(transactionLogKey, key);
  return { transactionalId, stored: value === null ? null : readValue(value) };
}

function readValue(value: Uint8Array): StoredTransaction {
  const told = decodeVersioned(transactionLogValue, value);
  const state = STATES[told.transactionStatus];
  if (state === undefined) throw new RangeError(`Transaction state ${told.transactionStatus}`);
  return {
    state,
    producerId: told.producerId,
    previousProducerId: told.previousProducerId,
    nextProducerId: told.nextProducerId,
    epoch: told.producerEpoch,
    timeoutMs: told.transactionTimeoutMs,
    partitions: new Map(
      (told.transactionPartitions ?? []).map((
        { topic, partitionIds },
      ) => [topic, new Set(partitionIds)]),
    ),
    updatedMs: Number(told.transactionLastUpdateTimestampMs),
    startedMs: Number(told.transactionStartTimestampMs),
    clientVersion: told.clientTransactionVersion,
  };
}
