/**
 * Carries out what the transaction machine decides: records, markers, answers.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { TopicPartition } from "../group/messages.ts";
import type { Ground } from "./ground.ts";
import { type StoredTransaction, transactionRecord, transactionTombstone } from "./records.ts";
import { Patience } from "./patience.ts";
import { BUMPING_VERSION, NO_PRODUCER_ID, type Transaction } from "./transaction.ts";
import {
  nextState,
  type TransactionAction,
  type TransactionEvent,
  type TransactionState,
} from "./transaction_machine.ts";

/** What the record of a transaction's end may have more than that of its partitions: producer ids, how it ends. */
const END_BYTES = 64;

/** What an event is about, beside what the machine needs to know. */
export interface Occasion {
  /** Why, for the feed. */
  readonly reason: string;
  /** What the producer allows a transaction to last. */
  readonly timeoutMs?: number;
  readonly partitions?: readonly TopicPartition[];
  /** An id that nobody has had yet, where one could be needed. */
  readonly newProducerId?: bigint | null;
}

type Draft = { -readonly [K in keyof StoredTransaction]: StoredTransaction[K] };

interface Step extends Occasion {
  readonly transaction: Transaction;
  readonly event: TransactionEvent;
  readonly next: TransactionState;
  readonly nowMs: number;
  /** What is going to be recorded. */
  readonly draft: Draft;
}

/** Carries out what the transaction machine decides. */
export class Steps {
  /** Those who wait for a transaction to have ended. */
  readonly patience: Patience;
  readonly #effects: Readonly<Record<TransactionAction, (step: Step) => void>> = {
    takeNewProducerId: ({ draft, newProducerId }) => {
      draft.previousProducerId = draft.producerId;
      draft.producerId = newProducerId!;
    },
    reserveProducerId: ({ draft, next, newProducerId }) => {
      if (next.context.rotating) draft.nextProducerId = newProducerId!;
    },
    takeReservedProducerId: ({ draft }) => {
      if (draft.nextProducerId === NO_PRODUCER_ID) return;
      draft.previousProducerId = draft.producerId;
      draft.producerId = draft.nextProducerId;
      draft.nextProducerId = NO_PRODUCER_ID;
    },
    setTimeout: ({ draft, timeoutMs }) => {
      draft.timeoutMs = timeoutMs!;
      draft.partitions = new Map();
      draft.startedMs = -1;
      draft.clientVersion = 0;
    },
    startClock: ({ draft, nowMs }) => draft.startedMs = nowMs,
    addPartitions: ({ draft, partitions }) => draft.partitions = union(draft, partitions!),
    clearPartitions: ({ draft }) => draft.partitions = new Map(),
    noteBump: ({ draft, event }) => {
      draft.clientVersion = event.type === "end" && !event.bumps ? 0 : BUMPING_VERSION;
    },
    persist: ({ transaction, draft, event }) => {
      const record = transactionRecord(transaction.id, draft);
      const { decisions } = this.ground;
      if (event.type === "add" && !decisions.fits([record], END_BYTES)) {
        throw new KafkaError(
          "MESSAGE_TOO_LARGE",
          `The transaction of "${transaction.id}" has more partitions than a record can name`,
        );
      }
      decisions.append([record]);
    },
    persistTombstone: ({ transaction }) =>
      this.ground.decisions.append([transactionTombstone(transaction.id)]),
    writeMarkers: ({ transaction }) =>
      this.ground.decisions.whenDurable(() => this.writeMarkers(transaction)),
    // Who asked answers itself, from what is decided then.
    answer: () => {},
    refuseConcurrent: ({ transaction, event }) => {
      throw new KafkaError(
        "CONCURRENT_TRANSACTIONS",
        `The transaction of "${transaction.id}" before this one is still ending (${event.type})`,
      );
    },
    refuseFenced: ({ transaction }) => {
      throw new KafkaError("PRODUCER_FENCED", `"${transaction.id}" has a later epoch`);
    },
    refuseState: ({ transaction, event }) => {
      throw new KafkaError(
        "INVALID_TXN_STATE",
        `Cannot ${wish(event)} "${transaction.id}": transaction is ${transaction.state.value}`,
      );
    },
  };

  constructor(private readonly ground: Ground) {
    this.patience = new Patience(ground.self);
  }

  /**
   * Lets something happen to a transactional id. Whoever asked may be refused although something has happened: a
   * producer that begins while a transaction is open is told to wait, and has that one aborted.
   *
   * @throws KafkaError what the asker is refused
   */
  send(transaction: Transaction, event: TransactionEvent, occasion: Occasion): void {
    const from = transaction.state.value;
    const [next, actions] = nextState(transaction.state, event);
    const nowMs = this.ground.environment.clock.now();
    const draft: Draft = {
      ...transaction.stored,
      state: next.value,
      epoch: next.context.epoch,
      updatedMs: nowMs,
    };
    const step: Step = { ...occasion, transaction, event, next, nowMs, draft };
    const refusal = actions.find(isRefusal);
    for (const action of actions) if (action !== refusal) this.#effects[action](step);
    // What is recorded says the same, but for an epoch that only this life of the coordinator knows of.
    transaction.state = next;
    if (draft.state !== from || actions.includes("persist")) this.#publish(step, from);
    if (refusal) this.#effects[refusal](step);
  }

  /** Tells every partition how the transaction has ended; then it is complete. */
  writeMarkers(transaction: Transaction): void {
    const { producerId, partitions } = transaction.stored;
    const { value, context } = transaction.state;
    this.ground.markers.write({
      producerId,
      epoch: context.epoch,
      commit: value === "PrepareCommit",
      partitions,
    }, () => {
      this.send(transaction, { type: "markersWritten" }, { reason: "markers are written" });
      this.patience.over(transaction.id);
    });
  }

  /** A transactional id is used for the first time. */
  publishNew({ id, stored, state }: Transaction): void {
    this.ground.feed.publish({
      transactionalId: id,
      event: "init",
      from: state.value,
      to: state.value,
      producerId: stored.producerId,
      epoch: state.context.epoch,
      reason: "a producer begins",
      timeMs: stored.updatedMs,
    });
  }

  #publish({ transaction, event, next, nowMs, reason }: Step, from: Step["next"]["value"]): void {
    const { feed } = this.ground;
    if (feed.idle) return;
    feed.publish({
      transactionalId: transaction.id,
      event: event.type,
      from,
      to: next.value,
      producerId: transaction.stored.producerId,
      epoch: next.context.epoch,
      reason,
      timeMs: nowMs,
    });
  }
}

function isRefusal(action: TransactionAction): boolean {
  return action.startsWith("refuse");
}

function union(
  { partitions }: Pick<StoredTransaction, "partitions">,
  added: readonly TopicPartition[],
): StoredTransaction["partitions"] {
  const all = new Map(Array.from(partitions, ([topic, indexes]) => [topic, new Set(indexes)]));
  for (const { topic, partition } of added) {
    const indexes = all.get(topic);
    if (indexes) indexes.add(partition);
    else all.set(topic, new Set([partition]));
  }
  return all;
}

function wish(event: TransactionEvent): string {
  return event.type === "end" ? event.commit ? "commit" : "abort" : event.type;
}
