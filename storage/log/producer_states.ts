/**
 * What a partition knows of its idempotent and transactional producers.
 *
 * The state is the *decided* one: batches count from the moment they get their offsets. Each change can be taken back as
 * long as it is not durable ({@linkcode ProducerStates.undo}), newest first.
 *
 * Source of the rules: KIP-98, KIP-360, KIP-890; Kafka's `ProducerStateManager`, `ProducerAppendInfo`.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import {
  type BatchHeader,
  incrementSequence,
  isControl,
  isTransactional,
  lastSequence,
  NONE,
} from "../../protocol/records/batch_header.ts";
import type { AbortedTransaction } from "./partition_log.ts";
import type { ByteReader, ByteWriter } from "./binary.ts";
import {
  type BatchMetadata,
  type ProducerEntry,
  readProducerEntry,
  writeProducerEntry,
} from "./producer_entry.ts";

/** Batches remembered per producer: as many as a client may have in flight. */
export const REMEMBERED_BATCHES_MAX = 5;
/** Producers remembered per partition; beyond it the ones silent for longest, without open transaction, are forgotten. */
export const PRODUCERS_MAX = 20_000;

/** What a batch says about its producer, with the offsets that it got. */
export interface ProducerFacts {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** -1 for a transaction's marker, and for what a coordinator writes in a transaction. */
  readonly baseSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Largest timestamp of the batch. */
  readonly timestampMs: number;
  readonly transactional: boolean;
  /** The batch is the marker that ends a transaction. */
  readonly marker: TransactionMarker | null;
}

/** The content of a marker: how the transaction ended, and which coordinator says so. */
export interface TransactionMarker {
  readonly committed: boolean;
  readonly coordinatorEpoch: number;
}

/** What to do with a batch: append it, or answer with where its first copy is (or will be, while it is in flight). */
export type ProducerVerdict =
  | { readonly kind: "append" }
  | {
    readonly kind: "duplicate";
    readonly baseOffset: number;
    readonly lastOffset: number;
    readonly timestampMs: number;
  };

/** One producer, as DescribeProducers shows it. */
export interface ProducerView {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** -1 when no batch of the current epoch is remembered. */
  readonly lastSequence: number;
  readonly lastTimestampMs: number;
  /** -1 before the first marker. */
  readonly coordinatorEpoch: number;
  /** -1 = no open transaction. */
  readonly currentTxnStartOffset: number;
}

/** What a producer wrote last in a partition. */
export interface LastRecord {
  readonly producerEpoch: number;
  /** Last offset of its last batch of data; null when only a marker is remembered. */
  readonly dataOffset: number | null;
}

/** What {@linkcode ProducerStates.undo} needs to take a change back. */
export interface ProducerUndo {
  readonly producerId: bigint;
  readonly previous: ProducerEntry | null;
  readonly markerOffset: number;
}

/** A transaction whose marker is decided, but not durable yet. */
interface EndingTransaction extends AbortedTransaction {
  readonly aborted: boolean;
}

const APPEND: ProducerVerdict = { kind: "append" };

/** The producers of one partition. */
export class ProducerStates {
  #entries = new Map<bigint, ProducerEntry>();
  /** First offset of each open transaction, lowest first. */
  #open = new Map<bigint, number>();
  #ending: EndingTransaction[] = [];

  get size(): number {
    return this.#entries.size;
  }

  has(producerId: bigint): boolean {
    return this.#entries.has(producerId);
  }

  /** The newest epoch of a producer; -1 when it is not known. */
  epochOf(producerId: bigint): number {
    return this.#entries.get(producerId)?.producerEpoch ?? NONE;
  }

  /** The epoch of the coordinator that has written the producer's last marker here; -1 = there was none. */
  coordinatorEpochOf(producerId: bigint): number {
    return this.#entries.get(producerId)?.coordinatorEpoch ?? NONE;
  }

  /** First offset of the producer's open transaction, -1 when it has none. */
  transactionStart(producerId: bigint): number {
    return this.#open.get(producerId) ?? NONE;
  }

  /**
   * Whether a batch may be appended, by its producer, epoch and sequence.
   *
   * @throws KafkaError INVALID_PRODUCER_EPOCH for an older epoch than the one known, OUT_OF_ORDER_SEQUENCE_NUMBER for a
   * batch that does not follow the last one, INVALID_TXN_STATE for a plain batch amid a transaction.
   */
  check(
    header: Pick<
      BatchHeader,
      "producerId" | "producerEpoch" | "baseSequence" | "lastOffsetDelta" | "attributes"
    >,
  ): ProducerVerdict {
    if (header.producerId < 0n) return APPEND;
    const entry = this.#entries.get(header.producerId);
    if (entry === undefined) return APPEND;
    if (isControl(header)) {
      requireEpoch(header, entry);
      return APPEND;
    }
    const last = lastSequence(header);
    if (entry.producerEpoch === header.producerEpoch) {
      const known = entry.batches.find((batch) =>
        batch.firstSequence === header.baseSequence && batch.lastSequence === last
      );
      if (known) {
        return {
          kind: "duplicate",
          baseOffset: known.lastOffset - header.lastOffsetDelta,
          lastOffset: known.lastOffset,
          timestampMs: known.timestampMs,
        };
      }
    }
    requireEpoch(header, entry);
    requireSequence(header, entry);
    if (entry.txnFirstOffset !== NONE && !isTransactional(header)) {
      throw new KafkaError(
        "INVALID_TXN_STATE",
        `Producer ${header.producerId} has an open transaction and wrote a batch outside of it`,
      );
    }
    return APPEND;
  }

  /** Takes a batch into account. The returned value takes it back, as long as later ones were taken back before. */
  apply(facts: ProducerFacts): ProducerUndo {
    const { producerId, marker } = facts;
    const previous = this.#entries.get(producerId) ?? null;
    if (marker) this.#endTransaction(facts, marker, previous);
    else this.#addBatch(facts, previous);
    if (previous === null && this.#entries.size > PRODUCERS_MAX) this.#forgetOldest();
    return { producerId, previous, markerOffset: marker ? facts.lastOffset : NONE };
  }

  /** Takes the newest change back. */
  undo({ producerId, previous, markerOffset }: ProducerUndo): void {
    if (markerOffset !== NONE) {
      this.#ending = this.#ending.filter((ending) => ending.lastOffset !== markerOffset);
    }
    if (previous === null) this.#entries.delete(producerId);
    else this.#entries.set(producerId, previous);
    const open = [...this.#entries].filter(([, entry]) => entry.txnFirstOffset !== NONE);
    open.sort(([, a], [, b]) => a.txnFirstOffset - b.txnFirstOffset);
    this.#open = new Map(open.map(([id, entry]) => [id, entry.txnFirstOffset]));
  }

  /**
   * All below `highWatermark` is durable: transactions whose marker lies there have ended.
   *
   * @returns the aborted ones among them.
   */
  settle(highWatermark: number): readonly AbortedTransaction[] {
    if (this.#ending.length === 0) return [];
    const aborted: AbortedTransaction[] = [];
    this.#ending = this.#ending.filter(({ producerId, firstOffset, lastOffset, ...ending }) => {
      if (lastOffset >= highWatermark) return true;
      if (ending.aborted) aborted.push({ producerId, firstOffset, lastOffset });
      return false;
    });
    return aborted;
  }

  /** First offset of the oldest transaction that is open, or whose end is not durable; Infinity when there is none. */
  get firstUnstableOffset(): number {
    let first = Infinity;
    for (const offset of this.#open.values()) {
      first = offset;
      break;
    }
    for (const ending of this.#ending) first = Math.min(first, ending.firstOffset);
    return first;
  }

  /** Forgets producers whose last batch is older than `beforeMs` (`producer.id.expiration.ms`), open transactions apart. */
  expire(beforeMs: number): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.txnFirstOffset === NONE && entry.lastTimestampMs < beforeMs) {
        this.#entries.delete(producerId);
      }
    }
  }

  /** All producers, as DescribeProducers shows them. */
  describe(): readonly ProducerView[] {
    return [...this.#entries].map(([producerId, entry]) => ({
      producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? NONE,
      lastTimestampMs: entry.lastTimestampMs,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.txnFirstOffset,
    }));
  }

  /** What each producer wrote last: compaction keeps that batch, even when it empties it. */
  lastRecords(): ReadonlyMap<bigint, LastRecord> {
    return new Map(Array.from(this.#entries, ([producerId, { producerEpoch, batches }]) => [
      producerId,
      { producerEpoch, dataOffset: batches.at(-1)?.lastOffset ?? null },
    ]));
  }

  /** Writes the state as it was before the changes in `undone` (oldest first): the committed one. */
  encode(writer: ByteWriter, undone: readonly ProducerUndo[] = []): void {
    const before = new Map<bigint, ProducerEntry | null>();
    for (let at = undone.length - 1; at >= 0; at--) {
      before.set(undone[at].producerId, undone[at].previous);
    }
    const entries = new Map(this.#entries);
    for (const [producerId, entry] of before) {
      if (entry) entries.set(producerId, entry);
      else entries.delete(producerId);
    }
    writer.varint(entries.size);
    for (const [producerId, entry] of entries) writeProducerEntry(writer, producerId, entry);
  }

  /**
   * Reads what `encode` wrote.
   *
   * @throws RangeError when it cannot have written that.
   */
  static decode(reader: ByteReader): ProducerStates {
    const states = new ProducerStates();
    const open: [bigint, number][] = [];
    for (let left = reader.varint(); left > 0; left--) {
      const [producerId, entry] = readProducerEntry(reader);
      states.#entries.set(producerId, entry);
      if (entry.txnFirstOffset !== NONE) open.push([producerId, entry.txnFirstOffset]);
    }
    states.#open = new Map(open.sort(([, a], [, b]) => a - b));
    return states;
  }

  #addBatch(facts: ProducerFacts, previous: ProducerEntry | null): void {
    let txnFirstOffset = previous?.txnFirstOffset ?? NONE;
    if (facts.transactional && txnFirstOffset === NONE) {
      txnFirstOffset = facts.baseOffset;
      this.#open.set(facts.producerId, txnFirstOffset);
    }
    this.#entries.set(facts.producerId, {
      producerEpoch: facts.producerEpoch,
      coordinatorEpoch: previous?.coordinatorEpoch ?? NONE,
      lastTimestampMs: facts.timestampMs,
      txnFirstOffset,
      batches: rememberedBatches(facts, previous),
    });
  }

  #endTransaction(
    facts: ProducerFacts,
    marker: TransactionMarker,
    previous: ProducerEntry | null,
  ): void {
    const { producerId, producerEpoch, lastOffset } = facts;
    if (previous !== null && previous.txnFirstOffset !== NONE) {
      const firstOffset = previous.txnFirstOffset;
      this.#ending.push({ producerId, firstOffset, lastOffset, aborted: !marker.committed });
      this.#open.delete(producerId);
    }
    this.#entries.set(producerId, {
      producerEpoch,
      coordinatorEpoch: marker.coordinatorEpoch,
      lastTimestampMs: facts.timestampMs,
      txnFirstOffset: NONE,
      batches: previous?.producerEpoch === producerEpoch ? previous.batches : [],
    });
  }

  /** Drops a tenth, so that the price is paid rarely. */
  #forgetOldest(): void {
    const idle = [...this.#entries].filter(([, entry]) => entry.txnFirstOffset === NONE);
    idle.sort(([, a], [, b]) => a.lastTimestampMs - b.lastTimestampMs);
    for (const [producerId] of idle.slice(0, PRODUCERS_MAX / 10)) this.#entries.delete(producerId);
  }
}

/** The batches that are remembered when this one was added. */
function rememberedBatches(
  facts: ProducerFacts,
  previous: ProducerEntry | null,
): readonly BatchMetadata[] {
  const { baseSequence, baseOffset, lastOffset, timestampMs } = facts;
  const deltas = { baseSequence, lastOffsetDelta: lastOffset - baseOffset };
  const added = {
    firstSequence: baseSequence,
    lastSequence: lastSequence(deltas),
    lastOffset,
    timestampMs,
  };
  // It is nobody's duplicate: only where it lies is of use, to the cleaner.
  if (baseSequence === NONE || previous?.producerEpoch !== facts.producerEpoch) return [added];
  return [...previous.batches.slice(1 - REMEMBERED_BATCHES_MAX), added];
}

function requireEpoch(
  header: Pick<BatchHeader, "producerId" | "producerEpoch">,
  entry: ProducerEntry,
): void {
  if (header.producerEpoch >= entry.producerEpoch) return;
  throw new KafkaError(
    "INVALID_PRODUCER_EPOCH",
    `Producer ${header.producerId} is at epoch ${entry.producerEpoch}, not ${header.producerEpoch}`,
  );
}

function requireSequence(
  header: Pick<BatchHeader, "producerId" | "producerEpoch" | "baseSequence">,
  entry: ProducerEntry,
): void {
  const last = header.producerEpoch === entry.producerEpoch
    ? entry.batches.at(-1)?.lastSequence ?? NONE
    : NONE;
  const expected = last === NONE ? 0 : incrementSequence(last, 1);
  if (header.baseSequence === expected) return;
  throw new KafkaError(
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    `Producer ${header.producerId}, epoch ${header.producerEpoch}: sequence ${header.baseSequence} came, ${expected} was expected`,
  );
}
