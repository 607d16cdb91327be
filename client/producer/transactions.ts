import { KafkaError } from "../../protocol/errors.ts";
import { END_TXN, INIT_PRODUCER_ID } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import { within } from "../deadline.ts";
import {
  AbortableTransactionError,
  FatalTransactionError,
  timedOut,
  type TransactionError,
} from "../errors.ts";
import type { GroupMetadata } from "../group/consumer_group.ts";
import type { OffsetToCommit } from "../group/offsets.ts";
import type { TopicPartition } from "../topic_partition.ts";
import type { ProducerSettings } from "./options.ts";
import type { ProducerEpoch, Sequences } from "./sequences.ts";
import { FORGOTTEN, transactionError, type TransactionStep } from "./transaction_errors.ts";
import { TransactionOffsets } from "./transaction_offsets.ts";
import { FOREVER_MS, TransactionPartitions } from "./transaction_partitions.ts";

/** What a producer's transactions work with. */
export interface TransactionsParts {
  readonly transactionalId: string;
  readonly settings: ProducerSettings;
  readonly cluster: Cluster;
  readonly sequences: Sequences;
  /** Sends everything that the producer was given; settles when all of it is acknowledged or has failed. */
  readonly flush: () => Promise<void>;
  /** Fails every record that is not on the wire. */
  readonly drop: (error: Error) => void;
  /** Called when batches may be sent that might not be before. */
  readonly onProgress: () => void;
}

/**
 * Where a transactional producer is. Source: `TransactionManager.State`.
 * - `new`: it has no producer id yet
 * - `ready`: no transaction is open
 * - `open`: records may be sent
 * - `committing`, `aborting`
 * - `failed`: something of the open transaction is lost; it can only be aborted
 * - `dead`: nothing can be done any more
 */
export type TransactionState =
  | "new"
  | "ready"
  | "open"
  | "committing"
  | "aborting"
  | "failed"
  | "dead";

/** A step that takes time. */
type Operation = "initTransactions" | "commitTransaction" | "abortTransaction";

/** The level of `transaction.version` from which on partitions join by themselves and each end raises the epoch (KIP-890). */
const IMPLICIT_LEVEL = 2;
/** The first version of InitProducerId that says who asks (KIP-360). */
const KNOWN_PRODUCER_VERSION = 3;
/** The first version of EndTxn whose answer carries the next epoch (KIP-890). */
const BUMPING_VERSION = 5;

/** The transactions of a producer, one after another (KIP-98, KIP-360, KIP-890). Source: Kafka's `TransactionManager`. */
export class Transactions {
  readonly #parts: TransactionsParts;
  readonly #coordinator: Coordinator;
  readonly #partitions: TransactionPartitions;
  readonly #offsets: TransactionOffsets;
  #state: TransactionState = "new";
  /** Why it is `failed` or `dead`. */
  #error: TransactionError | null = null;
  /** Whether partitions join by being written to, for the transaction that is open. */
  #isImplicit = false;
  /** Whether the coordinator has the transaction open; it may if it was asked to and has not answered. */
  #isBegun: "no" | "perhaps" | "yes" = "no";
  /** A step that was begun and whose outcome nobody has been told yet. */
  #pending: { readonly operation: Operation; readonly done: Promise<void> } | null = null;
  readonly #sendingOffsets = new Set<Promise<void>>();

  constructor(parts: TransactionsParts) {
    const { transactionalId, cluster, sequences, onProgress } = parts;
    const coordinator = new Coordinator(cluster, "transaction", transactionalId);
    this.#parts = parts;
    this.#coordinator = coordinator;
    const shared = {
      transactionalId,
      cluster,
      coordinator,
      identity: () => sequences.identity!,
      onAsking: () => this.#mayHaveBegun(),
    };
    this.#partitions = new TransactionPartitions({
      ...shared,
      isDoomed: () => this.isDoomed,
      onAdded: () => {
        this.#isBegun = "yes";
        onProgress();
      },
      onError: (error) => this.#fail("send records", "add", error),
    });
    this.#offsets = new TransactionOffsets({
      ...shared,
      isImplicit: () => this.#isImplicit,
      onAdded: () => this.#isBegun = "yes",
    });
  }

  /** Where it is. */
  get state(): TransactionState {
    return this.#state;
  }

  /** Whether nothing of the open transaction will ever be committed. */
  get isDoomed(): boolean {
    return this.#state === "failed" || this.#state === "aborting" || this.#state === "dead";
  }

  /**
   * Throws unless a record may be sent.
   *
   * @throws {TypeError} when no transaction is open
   * @throws {TransactionError} when it has failed
   */
  checkOpen(doing: string): void {
    if (this.#error !== null) throw this.#again(doing, this.#error);
    if (this.#state === "open") return;
    throw new TypeError(`Cannot ${doing}: ${OBSTACLES[this.#state] ?? "no transaction is open"}`);
  }

  /** A record for a partition was taken in. */
  include(target: TopicPartition): void {
    if (!this.#isImplicit) this.#partitions.include(target);
  }

  /** Whether a batch may be sent to a partition. */
  maySend(target: TopicPartition): boolean {
    if (this.#state !== "open" && this.#state !== "committing") return false;
    return this.#isImplicit || this.#partitions.has(target);
  }

  /** The range of versions of Produce that say how partitions join. */
  get produceVersions(): { readonly min: number; readonly max: number } {
    return this.#isImplicit ? { min: 12, max: Infinity } : { min: 0, max: 11 };
  }

  /** A batch is sent. */
  sending(): void {
    this.#mayHaveBegun();
  }

  /** A record that belongs to the open transaction will not be stored, or nobody knows. */
  recordFailed(error: unknown): void {
    if (this.#state !== "open" && this.#state !== "committing") return;
    this.#fail("go on with the transaction", "produce", error);
  }

  /** Shuts out earlier producers of this transactional id, and gets an epoch. */
  initialize(): Promise<void> {
    return this.#perform("initTransactions", ["new"], async () => {
      this.#parts.sequences.identity = await this.#askIdentity(null);
      this.#enter("ready");
    });
  }

  /** Opens a transaction. */
  begin(): void {
    if (this.#error !== null) throw this.#again("begin a transaction", this.#error);
    if (this.#pending !== null) {
      const { operation } = this.#pending;
      throw new TypeError(`Cannot begin a transaction: call ${operation} again, it is not done`);
    }
    this.#refuseUnless(["ready"], "begin a transaction");
    const level = this.#coordinator.versions?.features.get("transaction.version") ?? 0;
    this.#isImplicit = level >= IMPLICIT_LEVEL;
    this.#parts.sequences.beginsAtZero = this.#isImplicit;
    this.#isBegun = "no";
    this.#partitions.clear();
    this.#enter("open");
  }

  /** Commits offsets of a group as part of the open transaction. */
  async sendOffsets(offsets: readonly OffsetToCommit[], group: GroupMetadata): Promise<void> {
    const doing = `send offsets of group ${group.groupId}`;
    this.checkOpen(doing);
    if (offsets.length === 0) return;
    const sent = this.#offsets.send(offsets, group, this.#parts.settings.maxBlockMs)
      .catch((error) => {
        throw this.#fail(doing, "offsets", error);
      });
    this.#sendingOffsets.add(sent);
    try {
      await sent;
    } finally {
      this.#sendingOffsets.delete(sent);
    }
  }

  /** Commits the open transaction, once all that belongs to it is stored. */
  commit(): Promise<void> {
    return this.#perform("commitTransaction", ["open"], async () => {
      this.#enter("committing");
      await this.#parts.flush();
      await Promise.allSettled(this.#sendingOffsets);
      if (this.#error !== null) throw this.#again("commit the transaction", this.#error);
      try {
        await this.#end(true);
      } catch (error) {
        throw this.#fail("commit the transaction", "end", error);
      }
      this.#enter("ready");
    });
  }

  /** Aborts the open transaction; what was not sent so far is not sent any more. */
  abort(): Promise<void> {
    return this.#perform("abortTransaction", ["open", "failed"], () => this.#abort());
  }

  /** Waits for the step that is going on, and aborts what is open, as far as that is possible. */
  async finish(): Promise<void> {
    await this.#pending?.done.catch(() => {});
    if (this.#state === "open" || this.#state === "failed") await this.#abort();
  }

  async #abort(): Promise<void> {
    this.#enter("aborting");
    const { sequences, drop, flush } = this.#parts;
    drop(new AbortableTransactionError("TRANSACTION_ABORTABLE", "The transaction was aborted"));
    await this.#partitions.idle();
    await Promise.allSettled(this.#sendingOffsets);
    await flush(); // what is on the wire
    try {
      const isForgotten = await this.#end(false).then(() => false, (error) => {
        if (error instanceof KafkaError && FORGOTTEN.has(error.kind)) return true;
        throw error;
      });
      if (isForgotten || sequences.needsEpoch) {
        sequences.identity = await this.#askIdentity(sequences.identity);
      }
    } catch (error) {
      throw this.#fail("abort the transaction", "end", error);
    }
    this.#error = null;
    this.#enter("ready");
  }

  /** Has the coordinator end the transaction, if it has begun there; takes over the epoch that follows. */
  async #end(committed: boolean): Promise<void> {
    if (this.#isBegun === "no") return;
    const { transactionalId, cluster, sequences } = this.#parts;
    const doing = `end the transaction of ${transactionalId}`;
    const answer = await cluster.retry(doing, async () => {
      const answer = await this.#coordinator.request(
        END_TXN,
        { transactionalId, ...sequences.identity!, committed },
        this.#isImplicit ? { versionMin: BUMPING_VERSION } : { versionMax: BUMPING_VERSION - 1 },
      );
      this.#coordinator.check(answer.errorCode);
      return answer;
    }, FOREVER_MS).catch((error) => {
      // The coordinator was asked to open one, did not answer, and has none.
      if (!committed && this.#isBegun === "perhaps" && error.kind === "INVALID_TXN_STATE") {
        return null;
      }
      throw error;
    });
    if (answer === null || answer.producerId < 0n) return;
    const { producerId, producerEpoch } = answer;
    sequences.identity = { producerId, producerEpoch };
  }

  /** Asks for an epoch; with a current one it is refused if another producer has taken over (KIP-360). */
  async #askIdentity(current: ProducerEpoch | null): Promise<ProducerEpoch> {
    const { transactionalId, cluster, settings: { transactionTimeoutMs } } = this.#parts;
    try {
      return await cluster.retry(`get an epoch for ${transactionalId}`, async () => {
        const { errorCode, producerId, producerEpoch } = await this.#coordinator.request(
          INIT_PRODUCER_ID,
          { transactionalId, transactionTimeoutMs, ...current },
          { versionMin: current === null ? 0 : KNOWN_PRODUCER_VERSION },
        );
        this.#coordinator.check(errorCode);
        return { producerId, producerEpoch };
      }, FOREVER_MS);
    } catch (error) {
      throw this.#fail("get an epoch", "init", error);
    }
  }

  /**
   * Runs a step, and waits for it up to `maxBlockMs`. It goes on beyond that; who asks for it again is told what it has come
   * to. Source: `TransactionManager.pendingTransition`.
   */
  async #perform(
    operation: Operation,
    from: readonly TransactionState[],
    run: () => Promise<void>,
  ): Promise<void> {
    const { client: { environment }, maxBlockMs } = this.#parts.settings;
    if (this.#pending !== null && this.#pending.operation !== operation) {
      throw new TypeError(`Cannot call ${operation}: ${this.#pending.operation} is not done`);
    }
    if (this.#pending === null) {
      const mayFail = operation === "abortTransaction" && this.#state === "failed";
      if (this.#error !== null && !mayFail) throw this.#again(`call ${operation}`, this.#error);
      this.#refuseUnless(from, `call ${operation}`);
    }
    const pending = this.#pending ??= { operation, done: run() };
    let isDone = false;
    const done = pending.done.finally(() => isDone = true);
    try {
      const late = () =>
        timedOut(`${operation} is not done within ${maxBlockMs} ms: call it again to wait for it`);
      await within(environment, maxBlockMs, done, late);
    } finally {
      if (isDone && this.#pending === pending) this.#pending = null;
    }
  }

  #refuseUnless(states: readonly TransactionState[], doing: string): void {
    if (states.includes(this.#state)) return;
    throw new TypeError(`Cannot ${doing}: ${OBSTACLES[this.#state] ?? "no transaction is open"}`);
  }

  #enter(state: TransactionState): void {
    if (this.#state !== "dead") this.#state = state;
  }

  /** Takes in an error; the first one counts, unless a later one is worse. */
  #fail(doing: string, step: TransactionStep, error: unknown): TransactionError {
    const failure = transactionError(doing, step, error);
    const isFatal = failure instanceof FatalTransactionError;
    if (this.#state === "dead" || !isFatal && this.#state === "failed") return failure;
    if (isFatal) {
      this.#error = failure;
      this.#state = "dead";
      this.#parts.drop(failure);
    } else if (this.#state === "aborting") {
      // It is being aborted anyway, unless that is what has failed.
      if (step === "end") {
        this.#error = failure;
        this.#state = "failed";
      }
    } else {
      this.#error = failure;
      this.#state = "failed";
      this.#parts.drop(failure);
    }
    return failure;
  }

  #mayHaveBegun(): void {
    // With KIP-890 a transaction that never reached the coordinator can be aborted like any other.
    if (this.#isImplicit) this.#isBegun = "yes";
    else if (this.#isBegun === "no") this.#isBegun = "perhaps";
  }

  /** The reason for the failure, told with what could not be done for it. */
  #again(doing: string, reason: TransactionError): TransactionError {
    const message = `Cannot ${doing}: ${reason.message}`;
    return reason instanceof FatalTransactionError
      ? new FatalTransactionError(reason.kind, message, { cause: reason })
      : new AbortableTransactionError(reason.kind, message, { cause: reason });
  }
}

/** What is in the way, by state. */
const OBSTACLES: Readonly<Partial<Record<TransactionState, string>>> = {
  new: "initTransactions has to come first",
  open: "a transaction is open",
  committing: "the transaction is being committed",
  aborting: "the transaction is being aborted",
};
