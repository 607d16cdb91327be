import { KafkaError } from "../../protocol/errors.ts";
import {
  DESCRIBE_PRODUCERS,
  DESCRIBE_TRANSACTIONS,
  INIT_PRODUCER_ID,
  LIST_TRANSACTIONS,
  WRITE_TXN_MARKERS,
} from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import { errorFrom, throwIfError } from "../errors.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";
import { hangingTransactions } from "./hanging_transactions.ts";
import { throwFailures } from "./failures.ts";

/** A transactional id, in short. */
export interface TransactionListing {
  /** Which. */
  readonly transactionalId: string;
  /** Of the producer that has it. */
  readonly producerId: bigint;
  /** `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit` or `CompleteAbort`. */
  readonly state: string;
}

/** Which transactional ids are listed. What is left out lets all pass. */
export interface TransactionFilter {
  /** In one of these states. */
  readonly states?: readonly string[];
  /** Of one of these producers. */
  readonly producerIds?: readonly bigint[];
  /** Whose transaction began longer ago, in ms, ended or not. From Kafka 3.8 on (KIP-994). */
  readonly olderThanMs?: number;
  /** That match a regular expression in RE2's syntax, as a whole. From Kafka 4.1 on (KIP-1152). */
  readonly pattern?: string;
}

/** A transactional id. */
export interface TransactionDescription {
  /** Which. */
  readonly transactionalId: string;
  /** `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit` or `CompleteAbort`. */
  readonly state: string;
  /** Of the producer that has it. */
  readonly producerId: bigint;
  /** Of the producer that has it. */
  readonly producerEpoch: number;
  /** The broker that coordinates it. */
  readonly coordinatorId: number;
  /** How long a transaction may last. */
  readonly timeoutMs: number;
  /** When its transaction began, or the one before if there is none: ms since the Unix epoch; null = there was none. */
  readonly startedMs: number | null;
  /** What takes part in it. */
  readonly partitions: readonly TopicPartition[];
}

/** A producer as a partition knows it. */
export interface ProducerState {
  /** Which. */
  readonly producerId: bigint;
  /** Its epoch. */
  readonly producerEpoch: number;
  /** The sequence of its last record; -1 = unknown. */
  readonly lastSequence: number;
  /** When it wrote last, by its batch: ms since the Unix epoch. */
  readonly lastTimestampMs: number;
  /** Of the coordinator that has ended its last transaction here; null = none has. */
  readonly coordinatorEpoch: number | null;
  /** Where its open transaction begins here; null = there is none. */
  readonly transactionStart: bigint | null;
}

/** A transaction in a partition, to be aborted there. */
export interface TransactionToAbort extends TopicPartition {
  /** Whose it is. */
  readonly producerId: bigint;
  /** Of the producer. */
  readonly producerEpoch: number;
  /** Of the last coordinator that was there; brokers refuse an older one. 0 if there was none. */
  readonly coordinatorEpoch: number;
}

/** A transaction that is open in a partition, and that no coordinator is going to end. */
export interface HangingTransaction extends TopicPartition, ProducerState {
  /** Where it begins. */
  readonly transactionStart: bigint;
  /** Of the producer; null = no coordinator knows of it. */
  readonly transactionalId: string | null;
}

/** Manages transactions: `admin.transactions`. */
export class TransactionAdmin {
  readonly #cluster: Cluster;

  /** Sends its requests to a cluster. */
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Transactional ids, by name.
   *
   * @throws {KafkaError} UNSUPPORTED_VERSION for a filter that a broker is too old for, INVALID_REGULAR_EXPRESSION,
   * INVALID_REQUEST for a state that there is not, or that a broker cannot be reached: each knows its own ids only
   */
  async list(filter: TransactionFilter = {}): Promise<TransactionListing[]> {
    const { states = [], producerIds = [], olderThanMs, pattern } = filter;
    const versionMin = pattern !== undefined ? 2 : olderThanMs !== undefined ? 1 : 0;
    const found = await this.#cluster.retry("list transactions", async () => {
      await this.#cluster.metadata.refresh();
      const nodes = [...this.#cluster.metadata.view.brokers.keys()];
      return await Promise.all(nodes.map(async (nodeId) => {
        const answer = await this.#cluster.request(nodeId, LIST_TRANSACTIONS, {
          stateFilters: [...states],
          producerIdFilters: [...producerIds],
          durationFilter: BigInt(olderThanMs ?? -1),
          transactionalIdPattern: pattern ?? null,
        }, { versionMin });
        throwIfError(answer.errorCode);
        const { unknownStateFilters: unknown } = answer;
        if (unknown.length > 0) {
          throw new KafkaError("INVALID_REQUEST", `There is no state ${unknown.join(", ")}`);
        }
        return answer.transactionStates;
      }));
    });
    const listings = found.flat().map(({ transactionalId, producerId, transactionState }) => {
      return { transactionalId, producerId, state: transactionState };
    });
    return listings.sort((a, b) => a.transactionalId < b.transactionalId ? -1 : 1);
  }

  /**
   * A transactional id with its transaction.
   *
   * @throws {KafkaError} TRANSACTIONAL_ID_NOT_FOUND, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, …
   */
  async describe(transactionalId: string): Promise<TransactionDescription> {
    const coordinator = this.#coordinator(transactionalId);
    return await this.#cluster.retry(`describe transaction ${transactionalId}`, async () => {
      const answer = await coordinator.request(DESCRIBE_TRANSACTIONS, {
        transactionalIds: [transactionalId],
      });
      const [told] = answer.transactionStates;
      coordinator.check(told.errorCode);
      return {
        transactionalId,
        state: told.transactionState,
        producerId: told.producerId,
        producerEpoch: told.producerEpoch,
        coordinatorId: coordinator.nodeId!,
        timeoutMs: told.transactionTimeoutMs,
        startedMs: told.transactionStartTimeMs < 0n ? null : Number(told.transactionStartTimeMs),
        partitions: told.topics.flatMap(({ topic, partitions }) =>
          partitions.map((partition) => ({ topic, partition }))
        ),
      };
    });
  }

  /**
   * The idempotent and transactional producers that a partition knows of.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, …
   */
  async producers({ topic, partition }: TopicPartition): Promise<ProducerState[]> {
    const doing = `describe the producers of ${partitionKey({ topic, partition })}`;
    return await this.#cluster.retry(doing, async () => {
      const { topics } = await this.#cluster.request(
        await this.#leader({ topic, partition }),
        DESCRIBE_PRODUCERS,
        { topics: [{ name: topic, partitionIndexes: [partition] }] },
      );
      const [{ errorCode, errorMessage, activeProducers }] = topics[0].partitions;
      throwIfError(errorCode, errorMessage);
      return activeProducers.map((producer) => ({
        producerId: producer.producerId,
        producerEpoch: producer.producerEpoch,
        lastSequence: producer.lastSequence,
        lastTimestampMs: Number(producer.lastTimestamp),
        coordinatorEpoch: producer.coordinatorEpoch < 0 ? null : producer.coordinatorEpoch,
        transactionStart: producer.currentTxnStartOffset < 0n
          ? null
          : producer.currentTxnStartOffset,
      }));
    });
  }

  /**
   * Aborts a transaction in one partition, whatever its coordinator knows of it: for a transaction that hangs
   * ({@linkcode hanging}). Where its coordinator still knows of it, {@linkcode fence} is right.
   *
   * @throws {KafkaError} INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, CLUSTER_AUTHORIZATION_FAILED, …
   */
  async abort(transaction: TransactionToAbort): Promise<void> {
    const { topic, partition, producerId, producerEpoch, coordinatorEpoch } = transaction;
    const doing = `abort a transaction in ${partitionKey({ topic, partition })}`;
    await this.#cluster.retry(doing, async () => {
      const { markers } = await this.#cluster.request(
        await this.#leader({ topic, partition }),
        WRITE_TXN_MARKERS,
        {
          markers: [{
            producerId,
            producerEpoch,
            coordinatorEpoch,
            transactionResult: false,
            topics: [{ name: topic, partitionIndexes: [partition] }],
          }],
        },
      );
      throwIfError(markers[0].topics[0].partitions[0].errorCode);
    });
  }

  /**
   * Fences the producers of transactional ids: what they have open is aborted, and they can go on no more.
   *
   * @throws {KafkaError} TRANSACTIONAL_ID_AUTHORIZATION_FAILED, …
   * @throws {AggregateError} when that happened to several
   */
  async fence(transactionalIds: readonly string[]): Promise<void> {
    const outcomes = await Promise.allSettled(transactionalIds.map((id) => this.#fence(id)));
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as KafkaError] : []
    );
    throwFailures("fence producers", failures, transactionalIds.length);
  }

  /**
   * Transactions that are open in partitions, and that nobody is going to end: they keep readers from going on, under
   * `read_committed`, for ever. Where its coordinator knows of a transaction, it does not hang; while brokers start, not
   * all coordinators may be asked yet: look again before you abort.
   *
   * @param olderThanMs for how long its producer must have been silent: longer than any transaction may last
   * (`transaction.max.timeout.ms`, 15 minutes), or a transaction that is just beginning may seem to hang
   */
  async hanging(
    partitions: readonly TopicPartition[],
    { olderThanMs = 15 * 60_000 }: { readonly olderThanMs?: number } = {},
  ): Promise<HangingTransaction[]> {
    const { clock } = this.#cluster.settings.environment;
    return await hangingTransactions(this, partitions, clock.now() - olderThanMs);
  }

  async #fence(transactionalId: string): Promise<void> {
    const coordinator = this.#coordinator(transactionalId);
    await this.#cluster.retry(`fence the producers of ${transactionalId}`, async () => {
      const answer = await coordinator.request(INIT_PRODUCER_ID, {
        transactionalId,
        // Nobody is going to have a transaction with it.
        transactionTimeoutMs: 1,
      });
      const error = errorFrom(answer.errorCode);
      if (error?.kind !== "CONCURRENT_TRANSACTIONS") return coordinator.check(answer.errorCode);
      throw error;
    });
  }

  async #leader({ topic, partition }: TopicPartition): Promise<number> {
    const { metadata, settings } = this.#cluster;
    const { partitions } = await metadata.awaitTopic(topic, settings.defaultApiTimeoutMs);
    const found = partitions[partition];
    if (found === undefined) {
      throw new KafkaError("INVALID_PARTITIONS", `${topic} has no partition ${partition}`);
    }
    if (found.leaderId < 0) throw new KafkaError("LEADER_NOT_AVAILABLE");
    return found.leaderId;
  }

  #coordinator(transactionalId: string): Coordinator {
    return new Coordinator(this.#cluster, "transaction", transactionalId);
  }
}
