import { KafkaError } from "../../protocol/errors.ts";
import type { BatchHeader } from "../../protocol/records/batch_header.ts";
import type { ByteWriter } from "./binary.ts";
import type { BatchOwner, NewBatch } from "./commit_builder.ts";
import { type ClosedPart, OpenPart, type PartitionIndex } from "./partition_index.ts";
import type {
  AbortedTransaction,
  AppendOutcome,
  EpochEntry,
  LogRead,
  PartitionId,
  PartitionLog,
  TimestampedOffset,
} from "./partition_log.ts";
import { producerFacts } from "./producer_facts.ts";
import type { ProducerStates, ProducerUndo } from "./producer_states.ts";
import { Queue } from "./queue.ts";
import { readAll, ReadCursor, type ReadRequest } from "./read_cursor.ts";
import type { ShardReader } from "./shard_reader.ts";
import { findByTimestamp, findMaxTimestamp, type TimeSearch } from "./time_search.ts";

/** What a partition needs of its shard. */
export interface PartitionHome {
  readonly leaderEpoch: number;
  readonly reader: ShardReader;
  /** @throws KafkaError when nothing can be written now. */
  requireWritable(): void;
  append(batch: NewBatch, bytes: Uint8Array): void;
  /** A batch of the partition is durable. */
  indexed(index: PartitionIndex): void;
  advanceLogStart(index: PartitionIndex, offset: number): Promise<void>;
  /** Runs the callback of somebody else: what it throws is logged. */
  call(callback: () => void): void;
}

interface PendingBatch {
  readonly batch: NewBatch;
  readonly undo: ProducerUndo | null;
  readonly onOutcome: ((outcome: AppendOutcome) => void)[];
}

/** Readers of one partition at a time that are recognised as reading on. */
const READ_ENDS_MAX = 16;
const COMMITTED: AppendOutcome = { kind: "committed" };

/** The log of one partition, over its shard. */
export class StoredPartition implements PartitionLog, BatchOwner {
  readonly #home: PartitionHome;
  readonly #index: PartitionIndex;
  readonly #producers: ProducerStates;
  /** In flight, oldest first. */
  readonly #pending = new Queue<PendingBatch>();
  /** Failed, and not told yet. */
  readonly #failed = new Queue<PendingBatch>();
  #logEndOffset: number;
  #refusesWrites = false;
  /** Told when nothing is in flight any more. */
  #onIdle: (() => void)[] = [];
  /** Where the last reads ended. */
  readonly #readEnds: number[] = [];
  #nextReadEnd = 0;
  /** The epochs as they were last asked for, and what they followed from. */
  #epochs = { length: -1, logStartOffset: -1, leaderEpoch: -1, list: [] as readonly EpochEntry[] };

  constructor(home: PartitionHome, index: PartitionIndex, producers: ProducerStates) {
    this.#home = home;
    this.#index = index;
    this.#producers = producers;
    this.#logEndOffset = index.endOffset;
  }

  get id(): PartitionId {
    return this.#index.id;
  }

  get logStartOffset(): number {
    return this.#index.logStartOffset;
  }

  get logEndOffset(): number {
    return this.#logEndOffset;
  }

  get highWatermark(): number {
    return this.#index.endOffset;
  }

  get lastStableOffset(): number {
    const unstable = Math.min(this.highWatermark, this.#producers.firstUnstableOffset);
    // Retention may have taken the beginning of a transaction that is open. (Kafka: `maybeIncrementFirstUnstableOffset`.)
    return Math.max(this.logStartOffset, unstable);
  }

  get leaderEpoch(): number {
    return this.#home.leaderEpoch;
  }

  get sizeBytes(): number {
    return this.#index.sizeBytes;
  }

  get maxTimestampMs(): number {
    return this.#index.maxTimestampMs;
  }

  get producers(): ProducerStates {
    return this.#producers;
  }

  get epochs(): readonly EpochEntry[] {
    const { epochs, logStartOffset } = this.#index;
    const { leaderEpoch } = this;
    const last = this.#epochs;
    // Every fetch of a client that checks epochs asks. (What is written first in an epoch adds it to the index.)
    const isSame = last.length === epochs.length && last.logStartOffset === logStartOffset &&
      last.leaderEpoch === leaderEpoch;
    if (isSame) return last.list;
    const list = liveEpochs(epochs, logStartOffset);
    if (list.at(-1)?.epoch !== leaderEpoch) {
      list.push({ epoch: leaderEpoch, startOffset: this.highWatermark });
    }
    this.#epochs = { length: epochs.length, logStartOffset, leaderEpoch, list };
    return list;
  }

  append(
    bytes: Uint8Array,
    header: BatchHeader,
    onOutcome: (outcome: AppendOutcome) => void,
  ): number {
    this.#home.requireWritable();
    if (this.#refusesWrites) throw removedError(this.id);
    const baseOffset = this.#logEndOffset;
    const producer = producerFacts(bytes, header, baseOffset);
    const batch: NewBatch = {
      owner: this,
      baseOffset,
      lastOffset: baseOffset + header.lastOffsetDelta,
      leaderEpoch: this.leaderEpoch,
      maxTimestampMs: header.maxTimestampMs,
      crc: header.crc,
      producer,
    };
    const undo = producer && this.#producers.apply(producer);
    this.#pending.push({ batch, undo, onOutcome: [onOutcome] });
    this.#logEndOffset = batch.lastOffset + 1;
    this.#home.append(batch, bytes);
    return baseOffset;
  }

  whenCommitted(baseOffset: number, onOutcome: (outcome: AppendOutcome) => void): void {
    const pending = [...this.#pending].find(({ batch }) => batch.baseOffset === baseOffset);
    if (pending) pending.onOutcome.push(onOutcome);
    else {
      // It is durable by now: its duplicate would not have been found otherwise.
      this.#home.call(() => onOutcome(COMMITTED));
    }
  }

  read(request: ReadRequest): LogRead | Promise<LogRead> {
    const beforeOffset = Math.min(request.beforeOffset, this.highWatermark);
    if (request.offset < this.logStartOffset || request.offset > this.highWatermark) {
      const { logStartOffset, highWatermark } = this;
      throw new KafkaError(
        "OFFSET_OUT_OF_RANGE",
        `Offset ${request.offset} is not within ${logStartOffset} to ${highWatermark}`,
      );
    }
    const cursor = new ReadCursor(this.#index, this.#home.reader, { ...request, beforeOffset });
    const read = readAll(cursor);
    return read instanceof Promise
      ? read.then((read) => this.#readDone(cursor, request.offset, read))
      : this.#readDone(cursor, request.offset, read);
  }

  findByTimestamp(timestampMs: number, beforeOffset: number): Promise<TimestampedOffset | null> {
    return this.#settled(() => findByTimestamp(this.#search(beforeOffset), timestampMs));
  }

  findMaxTimestamp(): Promise<TimestampedOffset | null> {
    return this.#settled(() => findMaxTimestamp(this.#search(this.highWatermark)));
  }

  abortedTransactions(
    offset: number,
    beforeOffset: number,
  ): Promise<readonly AbortedTransaction[]> {
    const readable = Math.min(beforeOffset, this.highWatermark);
    return this.#settled(() => this.#abortedBetween(offset, readable));
  }

  async #abortedBetween(
    offset: number,
    beforeOffset: number,
  ): Promise<readonly AbortedTransaction[]> {
    const index = this.#index;
    const found: AbortedTransaction[] = [];
    let number = index.nextAborted(index.partNumberAt(offset), beforeOffset);
    for (; number >= 0; number = index.nextAborted(number + 1, beforeOffset)) {
      const aborted = await this.#abortedIn(index.part(number));
      for (let at = firstEndingAt(aborted, offset); at < aborted.length; at++) {
        if (aborted[at].firstOffset < beforeOffset) found.push(aborted[at]);
      }
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset);
  }

  async advanceLogStart(offset: number): Promise<void> {
    if (offset > this.highWatermark) {
      throw new KafkaError(
        "OFFSET_OUT_OF_RANGE",
        `Offset ${offset} is beyond the high watermark ${this.highWatermark}`,
      );
    }
    if (offset > this.logStartOffset) await this.#home.advanceLogStart(this.#index, offset);
  }

  committed(batch: NewBatch, sizeBytes: number, ref: number, local: number): void {
    const pending = this.#pending.shift();
    const part = this.#index.addBatch({ ...batch, sizeBytes }, ref, local);
    part.addAborted(this.#producers.settle(this.highWatermark));
    this.#home.indexed(this.#index);
    for (const onOutcome of pending.onOutcome) this.#home.call(() => onOutcome(COMMITTED));
    if (this.#onIdle.length > 0 && this.#pending.length === 0) this.#tellIdle();
  }

  revert(): void {
    const failed = this.#pending.takeAll();
    for (const { undo } of failed.toReversed()) if (undo) this.#producers.undo(undo);
    for (const pending of failed) this.#failed.push(pending);
    this.#logEndOffset = this.highWatermark;
    this.#tellIdle();
  }

  fail(outcome: AppendOutcome): void {
    for (const onOutcome of this.#failed.shift().onOutcome) {
      this.#home.call(() => onOutcome(outcome));
    }
  }

  /** The partition is being deleted: from here on appends fail with UNKNOWN_TOPIC_OR_PARTITION. */
  refuseWrites(): void {
    this.#refusesWrites = true;
  }

  /** Resolves when no batch is in flight. */
  whenIdle(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Writes the producer state as it is on disk. */
  writeProducers(writer: ByteWriter): void {
    this.#producers.encode(
      writer,
      [...this.#pending].flatMap(({ undo }) => undo ? [undo] : []),
    );
  }

  #tellIdle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  /** Reads ahead for who reads on where a read of before has ended. */
  #readDone(cursor: ReadCursor, offset: number, read: LogRead): LogRead {
    if (this.#readEnds.includes(offset)) cursor.readAhead();
    this.#readEnds[this.#nextReadEnd++ % READ_ENDS_MAX] = read.nextOffset;
    return read;
  }

  /** What `find` finds, asked again when the cleaner has replaced something meanwhile. */
  async #settled<T>(find: () => Promise<T>): Promise<T> {
    while (true) {
      const { generation } = this.#index;
      try {
        const found = await find();
        if (generation === this.#index.generation) return found;
      } catch (error) {
        if (generation === this.#index.generation) throw error;
      }
    }
  }

  #search(beforeOffset: number): TimeSearch {
    return {
      index: this.#index,
      reader: this.#home.reader,
      logStartOffset: this.logStartOffset,
      beforeOffset: Math.min(beforeOffset, this.highWatermark),
      readBatch: (offset) => {
        const request = { offset, beforeOffset: Infinity, maxBytes: 1, minOneBatch: true };
        return readAll(new ReadCursor(this.#index, this.#home.reader, request));
      },
    };
  }

  async #abortedIn(part: ClosedPart | OpenPart): Promise<readonly AbortedTransaction[]> {
    if (part instanceof OpenPart) return part.aborted;
    return (this.#home.reader.cachedDetail(part) ?? await this.#home.reader.detail(part)).aborted;
  }
}

/** The first of some transactions, in the order of their markers, that ends at `offset` or later. */
function firstEndingAt(transactions: readonly AbortedTransaction[], offset: number): number {
  let low = 0;
  let high = transactions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (transactions[middle].lastOffset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The epochs of which something is left. */
function liveEpochs(epochs: readonly EpochEntry[], logStartOffset: number): EpochEntry[] {
  return epochs
    .filter((_, at) => (epochs[at + 1]?.startOffset ?? Infinity) > logStartOffset)
    .map(({ epoch, startOffset }) => ({
      epoch,
      startOffset: Math.max(startOffset, logStartOffset),
    }));
}

/** The partition was deleted. */
export function removedError(id: PartitionId): KafkaError {
  return new KafkaError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Partition ${id.partition} of topic ${id.topicId} was deleted`,
  );
}
