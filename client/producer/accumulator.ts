import type { RecordDraft } from "../../protocol/records/builder.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";
import { type BatchFormat, type Delivery, ProducerBatch } from "./batch.ts";

/** The batches of one partition that are to be sent, in order; the last one may still take records. */
export interface PartitionQueue {
  readonly target: TopicPartition;
  readonly batches: ProducerBatch[];
  /** Its batches that are on the wire, and so not in it. */
  onWire: number;
}

/** What a record did to its batch: joined it, began it, or filled it or the one before. */
export type Appended = "joined" | "begun" | "filled";

/** Gathers records into batches, by partition. */
export class Accumulator {
  readonly #format: BatchFormat;
  readonly #queues = new Map<string, PartitionQueue>();
  /** Queues with batches; the one that has waited longest comes first. */
  readonly #active = new Set<PartitionQueue>();
  /** Batches that are not settled, in their queues or on the wire. */
  readonly #incomplete = new Set<ProducerBatch>();
  readonly #flushes = new Set<
    { readonly batches: Set<ProducerBatch>; readonly done: () => void }
  >();
  #nextOrder = 0;

  constructor(format: BatchFormat) {
    this.#format = format;
  }

  /** Queues with batches, those first whose turn it is. */
  get active(): Iterable<PartitionQueue> {
    return this.#active;
  }

  /** Batches that are not settled. */
  get incomplete(): ReadonlySet<ProducerBatch> {
    return this.#incomplete;
  }

  /** Whether batches are to leave before they are full or have lingered. */
  get isFlushing(): boolean {
    return this.#flushes.size > 0;
  }

  /** Batches that wait for a partition. */
  queueLength(topic: string, partition: number): number {
    return this.#queues.get(partitionKey({ topic, partition }))?.batches.length ?? 0;
  }

  /** Whether a record would join a batch that is begun already. */
  hasRoom(topic: string, partition: number, recordBytes: number): boolean {
    const queue = this.#queues.get(partitionKey({ topic, partition }));
    return queue?.batches.at(-1)?.hasRoom(recordBytes) ?? false;
  }

  /** Adds a record, and tells what that did to its batch. */
  append(
    target: TopicPartition,
    record: RecordDraft,
    delivery: Delivery,
    reservedBytes: number,
    nowMs: number,
  ): Appended {
    const queue = this.#queueOf(target);
    const open = queue.batches.at(-1);
    if (open?.append(record, delivery, reservedBytes)) return open.isFull ? "filled" : "joined";
    const batch = new ProducerBatch(queue.target, this.#nextOrder++, nowMs, this.#format);
    batch.append(record, delivery, reservedBytes);
    this.#incomplete.add(batch);
    queue.batches.push(batch);
    this.#active.add(queue);
    return batch.isFull || queue.batches.length > 1 ? "filled" : "begun";
  }

  /** Takes the first batch of a queue, which goes to the end of the line. */
  take(queue: PartitionQueue): ProducerBatch {
    const batch = queue.batches.shift()!;
    queue.onWire++;
    this.#active.delete(queue);
    if (queue.batches.length > 0) this.#active.add(queue);
    return batch;
  }

  /** A batch is not on the wire any more. */
  returned(batch: ProducerBatch): void {
    this.#queueOf(batch.target).onWire--;
  }

  /** Puts batches that are to be sent again where they were. */
  requeue(batches: readonly ProducerBatch[]): void {
    for (const batch of batches) {
      const queue = this.#queueOf(batch.target);
      const index = queue.batches.findIndex(({ order }) => order > batch.order);
      queue.batches.splice(index < 0 ? queue.batches.length : index, 0, batch);
      this.#active.add(queue);
    }
  }

  /** A batch is settled: forget it. */
  complete(batch: ProducerBatch): void {
    this.#replace(batch, []);
  }

  /** Parts take the place of a batch. */
  split(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    this.#replace(batch, parts);
    this.requeue(parts);
  }

  /** Removes a batch from its queue. */
  drop(queue: PartitionQueue, batch: ProducerBatch): void {
    const index = queue.batches.indexOf(batch);
    if (index >= 0) queue.batches.splice(index, 1);
    if (queue.batches.length === 0) this.#active.delete(queue);
  }

  /** Settles when all batches of now are settled; until then batches leave at once. */
  flush(): Promise<void> {
    if (this.#incomplete.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const flush = {
        batches: new Set(this.#incomplete),
        done: () => {
          this.#flushes.delete(flush);
          resolve();
        },
      };
      this.#flushes.add(flush);
    });
  }

  #replace(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    if (!this.#incomplete.delete(batch)) return;
    for (const part of parts) this.#incomplete.add(part);
    for (const { batches, done } of this.#flushes) {
      if (!batches.delete(batch)) continue;
      for (const part of parts) batches.add(part);
      if (batches.size === 0) done();
    }
  }

  #queueOf({ topic, partition }: TopicPartition): PartitionQueue {
    const key = partitionKey({ topic, partition });
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, queue = { target: { topic, partition }, batches: [], onWire: 0 });
    }
    return queue;
  }
}
