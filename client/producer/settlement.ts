import { errorFact, type ErrorName, KafkaError } from "../../protocol/errors.ts";
import { backoffMs, firstBackoffMs } from "../backoff.ts";
import type { Metadata } from "../cluster/metadata.ts";
import { cannot, needsMetadata, timedOut } from "../errors.ts";
import { partitionKey } from "../topic_partition.ts";
import type { Accumulator, PartitionQueue } from "./accumulator.ts";
import type { ProducerBatch } from "./batch.ts";
import type { BufferMemory } from "./buffer_memory.ts";
import type { ProducerSettings } from "./options.ts";
import type { BatchOutcome } from "./produce_call.ts";
import type { Sequences } from "./sequences.ts";
import type { Transactions } from "./transactions.ts";

/** What the settlement of batches works with. */
export interface SettlementParts {
  readonly settings: ProducerSettings;
  readonly metadata: Metadata;
  readonly accumulator: Accumulator;
  readonly memory: BufferMemory;
  /** null = not idempotent. */
  readonly sequences: Sequences | null;
  /** null = no transactions. */
  readonly transactions: Transactions | null;
}

/** "Not in order": what an idempotent producer gets over by itself. */
const OUT_OF_ORDER: ReadonlySet<ErrorName> = new Set([
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
]);

/** Decides what becomes of a batch that was sent, or has waited too long: done, split, sent again, failed. */
export class Settlement {
  readonly #parts: SettlementParts;
  #closed = false;

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  /** A batch comes back from the wire. */
  returned(batch: ProducerBatch, outcome: BatchOutcome): void {
    const { accumulator, sequences } = this.#parts;
    const { kind } = outcome;
    accumulator.returned(batch);
    sequences?.answered(batch);
    this.#learn(outcome);
    if (kind === "NONE" || kind === "DUPLICATE_SEQUENCE_NUMBER") {
      sequences?.acknowledged(batch);
      batch.succeed(kind === "NONE" ? outcome.baseOffset : -1n, outcome.logAppendTimeMs);
      this.#release(batch);
    } else if (this.#isToBeSplit(batch, kind)) {
      const parts = batch.split();
      sequences?.split(batch, parts);
      accumulator.split(batch, parts);
    } else if (this.#isToBeSentAgain(batch, kind)) {
      if (OUT_OF_ORDER.has(kind)) sequences?.outOfOrder(batch);
      batch.notBeforeMs = this.#retryAtMs(batch, kind);
      accumulator.requeue([batch]);
    } else {
      this.#abandon(batch, refusal(batch, outcome));
    }
  }

  /** Fails batches of a queue whose delivery took too long; returns when the next one will have. */
  expire(queue: PartitionQueue, nowMs: number): number {
    const { accumulator, settings: { deliveryTimeoutMs } } = this.#parts;
    for (let head = queue.batches[0]; head !== undefined; head = queue.batches[0]) {
      const deadlineMs = head.createdMs + deliveryTimeoutMs;
      if (deadlineMs > nowMs) return deadlineMs;
      accumulator.drop(queue, head);
      this.#abandon(head, this.#overdue(head));
    }
    return Infinity;
  }

  /** Tells those who wait for a batch on the wire that it took too long. What it holds is released with its answer. */
  expireOnWire(batch: ProducerBatch): void {
    const error = this.#overdue(batch);
    batch.fail(error);
    this.#parts.transactions?.recordFailed(error);
  }

  /** Fails everything that waits to be sent. */
  failQueued(error: Error): void {
    const { accumulator } = this.#parts;
    for (const queue of [...accumulator.active]) {
      for (const batch of [...queue.batches]) {
        accumulator.drop(queue, batch);
        this.#abandon(batch, cannot(`produce to ${partitionKey(batch.target)}`, error));
      }
    }
  }

  /** Fails everything, and sends nothing again from now on. */
  close(error: Error): void {
    this.#closed = true;
    for (const batch of [...this.#parts.accumulator.incomplete]) {
      batch.fail(error);
      this.#release(batch);
    }
  }

  #learn({ kind, leader }: BatchOutcome): void {
    const { metadata } = this.#parts;
    if (leader !== null) metadata.learn(leader);
    else if (needsMetadata(kind)) metadata.invalidate();
  }

  #isToBeSplit({ state, recordCount }: ProducerBatch, kind: ErrorName): boolean {
    return kind === "MESSAGE_TOO_LARGE" && recordCount > 1 && state !== "settled";
  }

  #isToBeSentAgain(batch: ProducerBatch, kind: ErrorName): boolean {
    const { settings, sequences, transactions } = this.#parts;
    if (this.#closed || batch.state === "settled" || batch.attempts > settings.retries) {
      return false;
    }
    if (transactions?.isDoomed) return false;
    if (sequences !== null && OUT_OF_ORDER.has(kind)) return sequences.getsInOrder(batch);
    return errorFact(kind).retriable;
  }

  #retryAtMs({ attempts }: ProducerBatch, kind: ErrorName): number {
    const { environment, retryBackoffMs, retryBackoffMaxMs } = this.#parts.settings.client;
    const options = { firstMs: firstBackoffMs(kind, retryBackoffMs), maxMs: retryBackoffMaxMs };
    return environment.clock.monotonicMs() + backoffMs(options, attempts, environment.random);
  }

  #abandon(batch: ProducerBatch, error: Error): void {
    this.#parts.sequences?.abandoned(batch);
    batch.fail(error);
    this.#release(batch);
    this.#parts.transactions?.recordFailed(error);
  }

  /** Gives back what a batch that is settled held. */
  #release(batch: ProducerBatch): void {
    this.#parts.accumulator.complete(batch);
    this.#parts.memory.release(batch.reservedBytes);
    batch.reservedBytes = 0;
  }

  #overdue({ target, attempts }: ProducerBatch): Error {
    const { deliveryTimeoutMs } = this.#parts.settings;
    return timedOut(
      `Cannot produce to ${partitionKey(target)}: not acknowledged within ` +
        `${deliveryTimeoutMs} ms (sent ${attempts} times)`,
    );
  }
}

function refusal({ target, attempts }: ProducerBatch, { kind, message }: BatchOutcome): Error {
  const reason = message === null ? kind : `${kind}: ${message}`;
  const tried = attempts > 1 ? ` (sent ${attempts} times)` : "";
  return cannot(`produce to ${partitionKey(target)}`, new KafkaError(kind, reason + tried));
}
