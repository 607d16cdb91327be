/**
 * The transaction coordinator: the transactional ids of one partition of `__transaction_state`.
 *
 * Its state is the replay of that partition. A transaction ends in two phases: that it does, and how, is durable first;
 * then every partition in it is told, for as long as that takes, also after a restart. Kafka: `TransactionCoordinator`,
 * `TransactionStateManager`.
 *
 * @module
 */
import type { BrokerConfig } from "../../config/broker_config.ts";
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { DecisionLog } from "../coordinator/decision_log.ts";
import { durableAnswers } from "../coordinator/durable_answers.ts";
import type { Feed } from "../core/feed.ts";
import {
  type Behavior,
  type HandlerContext,
  PARKED,
  type PayloadOf,
  type Self,
} from "../core/message.ts";
import type { ActorRef } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";
import { describe, listed } from "./describe.ts";
import { abortOverdue, forgetUnused } from "./expiry.ts";
import type { Ground } from "./ground.ts";
import { identityOf, type ProducerIdentity, speakerFor } from "./identity.ts";
import { Markers, type MarkersParts } from "./markers.ts";
import type { TransactionalProducer, TransactionMessage } from "./messages.ts";
import { type StoredTransaction, transactionRecord } from "./records.ts";
import { Steps } from "./steps.ts";
import { NO_PRODUCER_ID, type Transaction } from "./transaction.ts";
import type { TransactionHappening } from "./transaction_feed.ts";
import { LAST_EPOCH } from "./transaction_machine.ts";
import { TransactionTable } from "./transaction_table.ts";

/** What a transaction coordinator is made of. */
export interface TransactionCoordinatorParts {
  readonly environment: Environment;
  /** The settings in force now. */
  readonly config: () => BrokerConfig;
  /** The partition of `__transaction_state` that is its log. Nobody else writes it. */
  readonly partition: ActorRef<PartitionMessage>;
  /** Bytes of decisions in one append. */
  readonly batchBytesMax: number;
  readonly feed: Feed<TransactionHappening>;
  /** A producer id that nobody has had yet. */
  readonly nextProducerId: () => Promise<bigint>;
  /** How partitions are told of the end of a transaction. */
  readonly tell: MarkersParts["tell"];
}

type Init = PayloadOf<TransactionMessage, "init">;
type Add = PayloadOf<TransactionMessage, "add">;
type End = PayloadOf<TransactionMessage, "end">;

/** Loads a transaction coordinator from its log. */
export async function transactionCoordinator(
  self: Self,
  parts: TransactionCoordinatorParts,
): Promise<Behavior<TransactionMessage>> {
  const { environment, config, partition, batchBytesMax, feed, tell } = parts;
  const transactions = new TransactionTable();
  const decisions = await DecisionLog.load({
    self,
    partition,
    now: () => environment.clock.now(),
    log: environment.log,
    replay: (decision) => transactions.replay(decision),
    batchBytesMax,
  });
  const { leaderEpoch } = await partition.ask("describe", {});
  const markers = new Markers({ self, log: environment.log, coordinatorEpoch: leaderEpoch, tell });
  const ground: Ground = { self, environment, config, decisions, transactions, markers, feed };
  const steps = new Steps(ground);

  // The completions of this actor wait until it has started.
  self.enqueue(() => {
    for (const transaction of transactions) {
      if (isEnding(transaction)) steps.writeMarkers(transaction);
    }
    every(
      () => config().int("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
      () => abortOverdue(ground, steps),
    );
    every(
      () => config().int("transaction.remove.expired.transaction.cleanup.interval.ms"),
      () => forgetUnused(ground, steps),
    );
  });

  function every(intervalMs: () => number, work: () => void): void {
    self.schedule(intervalMs(), () => {
      work();
      every(intervalMs, work);
    });
  }

  /** Answers once there is a producer id that nobody has had yet, if one is `needed`. */
  function withNewProducerId(
    needed: boolean,
    call: HandlerContext<ProducerIdentity>,
    answer: (newProducerId: bigint | null) => ProducerIdentity,
  ): ProducerIdentity | typeof PARKED {
    if (!needed) return answer(null);
    const fail = (error: unknown) => {
      if (!(error instanceof KafkaError)) throw error;
      call.fail(error);
    };
    parts.nextProducerId().then(
      (id) =>
        self.enqueue(() => {
          try {
            call.reply(answer(id));
          } catch (error) {
            fail(error);
          }
        }),
      (error) => self.enqueue(() => fail(error)),
    );
    return PARKED;
  }

  function init(request: Init, newProducerId: bigint | null): ProducerIdentity {
    const { transactionalId, timeoutMs, expected } = request;
    let transaction = transactions.get(transactionalId);
    if (!transaction) {
      const stored = newTransaction(newProducerId!, timeoutMs, environment.clock.now());
      decisions.append([transactionRecord(transactionalId, stored)]);
      transaction = transactions.get(transactionalId)!;
      steps.publishNew(transaction);
      return identityOf(transaction);
    }
    const speaker = expected && asFenced(() => speakerFor(transaction!, expected));
    steps.send(transaction, {
      type: "init",
      known: speaker !== null,
      retry: speaker === "before",
    }, { timeoutMs, newProducerId, reason: "a producer begins" });
    return identityOf(transaction);
  }

  function end(request: End, newProducerId: bigint | null): ProducerIdentity {
    const { commit, bumps } = request;
    const transaction = known(request);
    const speaker = speakerFor(transaction, request);
    if (speaker === "before" && !bumps) throw fenced(request);
    steps.send(transaction, { type: "end", commit, bumps, retry: speaker === "before" }, {
      newProducerId,
      reason: `the producer ${commit ? "commits" : "aborts"}`,
    });
    return identityOf(transaction);
  }

  function add(request: Add): void {
    const transaction = speaking(request);
    const { partitions } = request;
    const news = transaction.state.value !== "Ongoing" ||
      partitions.some(({ topic, partition }) => !transaction.includes(topic, partition));
    steps.send(transaction, { type: "add", news }, {
      partitions,
      reason: "the producer adds partitions",
    });
  }

  /**
   * The transaction of the producer that speaks.
   *
   * @throws KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED
   */
  function speaking(request: TransactionalProducer): Transaction {
    const transaction = known(request);
    if (speakerFor(transaction, request) === "before") throw fenced(request);
    return transaction;
  }

  /** @throws KafkaError INVALID_PRODUCER_ID_MAPPING */
  function known({ transactionalId }: TransactionalProducer): Transaction {
    const transaction = transactions.get(transactionalId);
    if (transaction) return transaction;
    throw new KafkaError("INVALID_PRODUCER_ID_MAPPING", `No producer has "${transactionalId}"`);
  }

  return durableAnswers<TransactionMessage>(decisions, {
    init(request, call) {
      const { transactionalId, timeoutMs } = request;
      if (timeoutMs <= 0 || timeoutMs > config().int("transaction.max.timeout.ms")) {
        throw new KafkaError(
          "INVALID_TRANSACTION_TIMEOUT",
          `A transaction cannot be given ${timeoutMs} ms`,
        );
      }
      const transaction = transactions.get(transactionalId);
      const needed = !transaction || transaction.state.context.epoch >= LAST_EPOCH;
      return withNewProducerId(needed, call, (id) => init(request, id));
    },
    add(request, call) {
      if (!request.waits || !isEnding(speaking(request))) return add(request);
      const waitMs = config().int("add.partitions.to.txn.retry.backoff.max.ms");
      steps.patience.wait(request.transactionalId, waitMs, () => {
        try {
          call.reply(add(request));
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          call.fail(error);
        }
      });
      return PARKED;
    },
    verify(request) {
      const transaction = speaking(request);
      if (isEnding(transaction)) throw new KafkaError("CONCURRENT_TRANSACTIONS");
      return request.partitions.map(({ topic, partition }) =>
        transaction.includes(topic, partition) ? null : "TRANSACTION_ABORTABLE"
      );
    },
    end(request, call) {
      const { context, value } = transactions.get(request.transactionalId)?.state ?? {};
      const needed = request.bumps && context !== undefined && context.epoch >= LAST_EPOCH &&
        value !== "PrepareCommit" && value !== "PrepareAbort";
      return withNewProducerId(needed, call, (id) => end(request, id));
    },
    describe({ transactionalId }) {
      const transaction = transactions.get(transactionalId);
      return transaction ? describe(transaction) : null;
    },
    list() {
      return [...transactions].map(listed);
    },
  }, new Set());
}

/** Whether a transaction's end is decided, and not everybody has heard of it. */
function isEnding({ state: { value } }: Transaction): boolean {
  return value === "PrepareCommit" || value === "PrepareAbort";
}

function newTransaction(producerId: bigint, timeoutMs: number, nowMs: number): StoredTransaction {
  return {
    state: "Empty",
    producerId,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    epoch: 0,
    timeoutMs,
    partitions: new Map(),
    updatedMs: nowMs,
    startedMs: -1,
    clientVersion: 0,
  };
}

function fenced({ transactionalId, epoch }: TransactionalProducer): KafkaError {
  return new KafkaError("PRODUCER_FENCED", `Epoch ${epoch} of "${transactionalId}" is over`);
}

/** To a producer that takes itself for another, InitProducerId knows one answer. */
function asFenced<T>(speaker: () => T): T {
  try {
    return speaker();
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    throw new KafkaError("PRODUCER_FENCED", error.message);
  }
}
