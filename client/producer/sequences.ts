import { incrementSequence } from "../../protocol/records/batch_header.ts";
import { partitionKey } from "../topic_partition.ts";
import type { ProducerBatch } from "./batch.ts";

/** What InitProducerId or EndTxn gave, or a later epoch of it. */
export interface ProducerEpoch {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** One partition's numbers. */
interface Book {
  /** Of the numbers that are given out now. */
  identity: ProducerEpoch | null;
  /** The next batch's first number. */
  next: number;
  /** Whether the broker has acknowledged a batch of this identity. */
  isKnown: boolean;
  /** Numbered and not acknowledged, in the order of their numbers. */
  pending: ProducerBatch[];
  /** So many of them are on the wire. */
  onWire: number;
  /**
   * What has to happen before new batches are numbered. `gap`: numbers were given up on, so a new epoch begins once all
   * that have one are settled. `renumber`: the broker misses numbers, so those that are left get new ones.
   */
  trouble: "none" | "gap" | "renumber";
}

const EPOCH_MAX = 0x7fff;

/**
 * The sequence numbers of an idempotent producer (KIP-98): per partition without a gap, and in order even with several
 * batches in flight (KIP-185: a batch that is sent again goes alone, when all before it are settled). The first batch goes
 * alone too: a broker that does not know the producer takes any number, and would let the second one overtake the first
 * (KAFKA-14359).
 *
 * A gap cannot be closed: the producer raises its own epoch and begins at 0 (KIP-360). That happens only when nothing is
 * left whose old number could still be in the log, so a record is never there twice. The epochs of a transactional
 * producer are given out by its coordinator alone: with a gap it has to abort, and to go on with the epoch it is given then.
 */
export class Sequences {
  /** null until InitProducerId was answered, and when its epochs are used up. */
  identity: ProducerEpoch | null = null;
  /** Whether brokers take nothing but 0 as the first number of an epoch: in transactions since KIP-890. */
  beginsAtZero = false;
  readonly #inFlightMax: number;
  readonly #raisesEpoch: boolean;
  readonly #books = new Map<string, Book>();

  /** Numbers at most `inFlightMax` batches of a partition at a time. `raisesEpoch`: whether it may do so by itself. */
  constructor(inFlightMax: number, raisesEpoch = true) {
    this.#inFlightMax = inFlightMax;
    this.#raisesEpoch = raisesEpoch;
  }

  /** Whether numbers were given up on that only a new epoch gets it over. */
  get needsEpoch(): boolean {
    return [...this.#books.values()].some(({ trouble, identity }) =>
      trouble !== "none" && identity === this.identity
    );
  }

  /** Whether this batch, the first in its queue, may be sent now. */
  mayDrain(batch: ProducerBatch): boolean {
    const book = this.#book(batch);
    this.#mend(book);
    if (batch.sequence !== null) return book.pending[0] === batch && book.trouble !== "renumber";
    if (this.identity === null || book.trouble !== "none") return false;
    const isKnown = book.identity === this.identity ? book.isKnown : this.beginsAtZero;
    return book.pending.length < (isKnown ? this.#inFlightMax : 1);
  }

  /** The batch is sent: it gets a number unless it has one. */
  drain(batch: ProducerBatch): void {
    const book = this.#book(batch);
    book.onWire++;
    if (batch.sequence !== null) return;
    if (book.identity !== this.identity) this.#begin(book);
    book.pending.push(batch);
    this.#number(book, batch);
  }

  /** The batch is not on the wire any more: it was answered, or the connection broke. */
  answered(batch: ProducerBatch): void {
    this.#book(batch).onWire--;
  }

  /** The batch is in the log. */
  acknowledged(batch: ProducerBatch): void {
    const book = this.#book(batch);
    this.#remove(book, batch);
    const { sequence } = batch;
    book.isKnown ||= sequence?.producerId === book.identity?.producerId &&
      sequence?.producerEpoch === book.identity?.producerEpoch;
  }

  /** The batch will not be sent again, and is not in the log, or nobody knows. */
  abandoned(batch: ProducerBatch): void {
    if (batch.sequence === null) return;
    const book = this.#book(batch);
    this.#remove(book, batch);
    if (book.trouble === "none") book.trouble = "gap";
  }

  /**
   * The broker says that the batch does not follow the last one in its log. If others are to be settled first, that was to
   * be expected; otherwise something before it is lost, and what is left needs new numbers.
   */
  outOfOrder(batch: ProducerBatch): void {
    const book = this.#book(batch);
    if (book.pending[0] === batch) book.trouble = "renumber";
  }

  /** Whether a batch that is not in order may be sent again: after others before it, or under new numbers. */
  getsInOrder(batch: ProducerBatch): boolean {
    return this.#raisesEpoch || this.#book(batch).pending[0] !== batch;
  }

  /** The batch was split: its parts take its place. */
  split(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    const book = this.#book(batch);
    const index = book.pending.indexOf(batch);
    if (index >= 0) book.pending.splice(index, 1, ...parts);
  }

  /** Gets a partition out of trouble as soon as that is safe. */
  #mend(book: Book): void {
    if (book.trouble === "none" || book.onWire > 0) return;
    if (book.trouble === "gap" && book.pending.length > 0) return;
    if (book.identity === this.identity) {
      if (!this.#raisesEpoch) return;
      this.#raiseEpoch();
    }
    if (this.identity === null) return;
    book.trouble = "none";
    this.#begin(book);
    for (const batch of book.pending) this.#number(book, batch);
  }

  /** From now on the partition's batches are numbered under the newest identity. */
  #begin(book: Book): void {
    book.identity = this.identity;
    book.next = 0;
    book.isKnown = this.beginsAtZero;
  }

  #raiseEpoch(): void {
    if (this.identity === null) return;
    const { producerId, producerEpoch } = this.identity;
    this.identity = producerEpoch === EPOCH_MAX
      ? null // a new id is asked for
      : { producerId, producerEpoch: producerEpoch + 1 };
  }

  #number(book: Book, batch: ProducerBatch): void {
    batch.sequence = { ...book.identity!, baseSequence: book.next };
    book.next = incrementSequence(book.next, batch.recordCount);
  }

  #remove(book: Book, batch: ProducerBatch): void {
    const index = book.pending.indexOf(batch);
    if (index >= 0) book.pending.splice(index, 1);
  }

  #book({ target }: ProducerBatch): Book {
    const key = partitionKey(target);
    let book = this.#books.get(key);
    if (book === undefined) {
      book = {
        identity: null,
        next: 0,
        isKnown: false,
        pending: [],
        onWire: 0,
        trouble: "none",
      };
      this.#books.set(key, book);
    }
    return book;
  }
}
