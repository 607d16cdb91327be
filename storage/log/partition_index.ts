/**
 * Where the batches of a partition lie: in memory, for every partition that has stored data, open or not.
 *
 * @module
 */
import { invariant } from "../../protocol/errors.ts";
import type { ByteWriter } from "./binary.ts";
import { MaximumTree } from "./maximum_tree.ts";
import type { AbortedTransaction, EpochEntry, PartitionId } from "./partition_log.ts";
import type { ProducerFacts } from "./producer_states.ts";

/** Numbers per run. */
const STRIDE = 5;

/** A run: the batches of one partition that begin in one chunk. */
export interface Run {
  /** Base offset of the first batch. */
  readonly firstOffset: number;
  /** The chunk, as a {@linkcode chunkRef}. */
  readonly ref: number;
  /** The number of the partition in the chunk's directory. */
  readonly local: number;
  readonly maxTimestampMs: number;
  readonly bytes: number;
}

/** Runs in offset order, packed into one array of numbers. */
export class Runs {
  readonly #numbers: number[] = [];
  #times: MaximumTree | null = null;

  get length(): number {
    return this.#numbers.length / STRIDE;
  }

  add({ firstOffset, ref, local, maxTimestampMs, bytes }: Run): void {
    this.#numbers.push(firstOffset, ref, local, maxTimestampMs, bytes);
  }

  /** Adds a batch to the last run if it lies in the same chunk, or else begins a run with it. */
  addBatch(run: Run): void {
    const numbers = this.#numbers;
    const last = numbers.length - STRIDE;
    if (last < 0 || numbers[last + 1] !== run.ref) return this.add(run);
    numbers[last + 3] = Math.max(numbers[last + 3], run.maxTimestampMs);
    numbers[last + 4] += run.bytes;
  }

  at(index: number): Run {
    const at = index * STRIDE;
    const numbers = this.#numbers;
    return {
      firstOffset: numbers[at],
      ref: numbers[at + 1],
      local: numbers[at + 2],
      maxTimestampMs: numbers[at + 3],
      bytes: numbers[at + 4],
    };
  }

  /** The last run that begins at or before `offset`; -1 if there is none. */
  find(offset: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numbers[middle * STRIDE] <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Largest timestamps of the runs. Good until the next run or batch is added. */
  get times(): MaximumTree {
    const times = this.#times ??= new MaximumTree();
    times.follow(this.length, (index) => this.#numbers[index * STRIDE + 3]);
    return times;
  }
}

/** What one partition has in one segment. */
export interface SegmentExtent {
  readonly firstOffset: number;
  /** The offset after the last one. */
  readonly endOffset: number;
  readonly bytes: number;
  /** -1 when no record has a timestamp. */
  readonly maxTimestampMs: number;
  /** Largest timestamp of the first batch. */
  readonly firstTimestampMs: number;
  /** Lowest first offset of the aborted transactions whose marker lies here; Infinity if there are none. */
  readonly abortedFrom: number;
}

/** A part of the log in a closed segment: its details are in the store. */
export interface ClosedPart extends SegmentExtent {
  readonly segment: number;
  /** Where the details lie in the segment's stream of details. */
  readonly detailPosition: number;
  readonly detailBytes: number;
  /** Offsets from here on may repeat keys that come again later: compaction has not looked at them yet. */
  readonly dirtyFrom: number;
}

/** A part of the log in a segment that is still being written, or whose summary is: all in memory. */
export class OpenPart implements SegmentExtent {
  readonly runs: Runs = new Runs();
  readonly firstOffset: number;
  readonly epochs: EpochEntry[] = [];
  /** In the order of their markers. */
  readonly aborted: AbortedTransaction[] = [];
  /** Batches with a producer id that were found at start, for as long as nobody has opened the partition. */
  events: ProducerFacts[] = [];
  endOffset: number;
  bytes = 0;
  maxTimestampMs = -1;
  firstTimestampMs = -1;
  abortedFrom = Infinity;

  constructor(firstOffset: number) {
    this.firstOffset = firstOffset;
    this.endOffset = firstOffset;
  }

  addAborted(transactions: readonly AbortedTransaction[]): void {
    for (const transaction of transactions) {
      this.aborted.push(transaction);
      this.abortedFrom = Math.min(this.abortedFrom, transaction.firstOffset);
    }
  }

  addBatch(batch: IndexedBatch, ref: number, local: number): void {
    const { baseOffset, leaderEpoch, maxTimestampMs, sizeBytes } = batch;
    if (this.runs.length === 0) this.firstTimestampMs = maxTimestampMs;
    this.runs.addBatch({ firstOffset: baseOffset, ref, local, maxTimestampMs, bytes: sizeBytes });
    this.bytes += sizeBytes;
    this.maxTimestampMs = Math.max(this.maxTimestampMs, maxTimestampMs);
    this.noteEpoch(leaderEpoch, baseOffset);
    this.endOffset = batch.lastOffset + 1;
  }

  noteEpoch(epoch: number, startOffset: number): void {
    if (this.epochs.at(-1)?.epoch !== epoch) this.epochs.push({ epoch, startOffset });
  }
}

/** A batch as the index sees it. */
export interface IndexedBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestampMs: number;
  readonly sizeBytes: number;
}

/** Everything durable that is known of a partition without reading its data. */
export class PartitionIndex {
  readonly id: PartitionId;
  /** Oldest first. */
  readonly closed: ClosedPart[] = [];
  /** Full, its summary on the way to the store. */
  rolling: OpenPart | null = null;
  open: OpenPart | null = null;
  logStartOffset = 0;
  /** Where it is to begin when all that is under way is durable. */
  nextLogStart = 0;
  /** The offset after the last durable one. */
  endOffset = 0;
  maxTimestampMs = -1;
  removed = false;
  /** Rises when closed parts are replaced: what was learned of them before may not hold any more. */
  generation = 0;
  /** Writes the committed producer state, when it is in memory. */
  writeProducers: ((writer: ByteWriter) => void) | null = null;
  readonly #epochs: EpochEntry[] = [];
  readonly #times = new MaximumTree();
  /** First offsets of aborted transactions, negated: the lowest is to be found. */
  readonly #aborted = new MaximumTree();

  constructor(id: PartitionId) {
    this.id = id;
  }

  /** Epochs that have batches, oldest first. */
  get epochs(): readonly EpochEntry[] {
    return this.#epochs;
  }

  /** Bytes of the parts that are not wholly below `logStartOffset`: as Kafka counts whole segments. */
  get sizeBytes(): number {
    return this.parts.reduce(
      (sum, part) => part.endOffset > this.logStartOffset ? sum + part.bytes : sum,
      0,
    );
  }

  /** All parts, oldest first. */
  get parts(): readonly (ClosedPart | OpenPart)[] {
    const parts: (ClosedPart | OpenPart)[] = [...this.closed];
    if (this.rolling) parts.push(this.rolling);
    if (this.open) parts.push(this.open);
    return parts;
  }

  /** How many parts there are. They keep their numbers until {@linkcode generation} rises. */
  get partCount(): number {
    return this.closed.length + (this.rolling ? 1 : 0) + (this.open ? 1 : 0);
  }

  /** The part with a number: 0 for the oldest. */
  part(number: number): ClosedPart | OpenPart {
    const { closed } = this;
    if (number < closed.length) return closed[number];
    return (number === closed.length && this.rolling || this.open)!;
  }

  /** The first part that ends behind `offset`. */
  partAt(offset: number): ClosedPart | OpenPart | null {
    for (const part of [this.open, this.rolling]) {
      if (part && offset >= part.firstOffset) return offset < part.endOffset ? part : null;
    }
    return this.closed[this.#closedAt(offset)] ?? this.rolling ?? this.open;
  }

  /** The number of the first part that ends behind `offset`; {@linkcode partCount} if none does. */
  partNumberAt(offset: number): number {
    let number = this.#closedAt(offset);
    const count = this.partCount;
    while (number < count && this.part(number).endOffset <= offset) number++;
    return number;
  }

  /** Largest timestamps of the parts, by number. Good until something is added or replaced. */
  get times(): MaximumTree {
    this.#times.follow(this.partCount, (number) => this.part(number).maxTimestampMs);
    return this.#times;
  }

  /** The first part from number `from` on that ends an aborted transaction which began before `offset`; -1 if there is none. */
  nextAborted(from: number, offset: number): number {
    this.#aborted.follow(this.partCount, (number) => -this.part(number).abortedFrom);
    return this.#aborted.nextAtLeast(from, 1 - offset);
  }

  #closedAt(offset: number): number {
    const { closed } = this;
    let low = 0;
    let high = closed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (closed[middle].endOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Takes a durable batch in. */
  addBatch(batch: IndexedBatch, ref: number, local: number): OpenPart {
    const part = this.open ??= new OpenPart(batch.baseOffset);
    part.addBatch(batch, ref, local);
    this.noteEpoch(batch.leaderEpoch, batch.baseOffset);
    this.#extend(part.endOffset, batch.maxTimestampMs);
    return part;
  }

  /** Offsets from the end to before `baseOffset` are lost: their chunk is damaged. Reads there will tell. */
  addLoss(baseOffset: number, ref: number): void {
    const part = this.open ??= new OpenPart(this.endOffset);
    part.runs.add({ firstOffset: this.endOffset, ref, local: 0, maxTimestampMs: -1, bytes: 0 });
    part.endOffset = baseOffset;
    this.endOffset = baseOffset;
  }

  /** Takes a part of a closed segment in, as its summary tells it. */
  addClosed(part: ClosedPart, epochs: readonly EpochEntry[]): void {
    this.closed.push(part);
    for (const { epoch, startOffset } of epochs) this.noteEpoch(epoch, startOffset);
    this.#extend(part.endOffset, part.maxTimestampMs);
  }

  /** Puts what the cleaner wrote in the place of what it was made of. */
  replaceClosed(old: readonly ClosedPart[], part: readonly ClosedPart[]): void {
    const at = this.closed.indexOf(old[0]);
    invariant(old.every((each, n) => this.closed[at + n] === each), "A part was replaced twice");
    this.closed.splice(at, old.length, ...part);
    this.#times.forget(at);
    this.#aborted.forget(at);
    this.generation++;
  }

  noteEpoch(epoch: number, startOffset: number): void {
    if (this.#epochs.at(-1)?.epoch !== epoch) this.#epochs.push({ epoch, startOffset });
  }

  #extend(endOffset: number, maxTimestampMs: number): void {
    this.endOffset = Math.max(this.endOffset, endOffset);
    this.maxTimestampMs = Math.max(this.maxTimestampMs, maxTimestampMs);
  }
}

/** The name of a partition as a key of maps. */
export function partitionName(id: PartitionId): string {
  return `${id.topicId}-${id.partition}`;
}
