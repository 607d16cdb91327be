import { incrementSequence } from "../../protocol/records/batch_header.ts";
import type { Codec } from "../../protocol/compression/mod.ts";
import {
  BatchBuilder,
  type ProducerIdentity,
  type RecordDraft,
} from "../../protocol/records/builder.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import type { TopicPartition } from "../topic_partition.ts";
import type { RecordMetadata } from "./record.ts";

/** How batches are built. */
export interface BatchFormat {
  readonly codec: Codec;
  readonly compressionLevel: number | undefined;
  /** Bytes after which a batch takes no more records. */
  readonly batchSize: number;
  /** Whether batches belong to transactions. */
  readonly transactional: boolean;
}

/** Who waits for a record. */
export interface Delivery {
  readonly resolve: (metadata: RecordMetadata) => void;
  readonly reject: (error: Error) => void;
}

/** What has become of a batch. */
export type BatchState = "open" | "closed" | "settled";

/** Records of one partition that travel together, and those who wait for them. */
export class ProducerBatch {
  readonly target: TopicPartition;
  /** Its place in the partition's queue: higher numbers come later. */
  readonly order: number;
  /** When its first record came, by the monotonic clock: the delivery timeout counts from there. */
  readonly createdMs: number;
  /** Bytes of buffer memory that it holds until it is settled. */
  reservedBytes = 0;
  /** How often it was sent. */
  attempts = 0;
  /** Not to be sent before, by the monotonic clock. */
  notBeforeMs = 0;
  #state: BatchState = "open";
  #sequence: ProducerIdentity | null = null;
  #bytes: Uint8Array | null = null;
  readonly #orderWidth: number;
  readonly #format: BatchFormat;
  readonly #builder: BatchBuilder;
  readonly #deliveries: Delivery[] = [];
  readonly #timestampsMs: number[] = [];

  /** `orderWidth`: how far it is to the next batch's `order`. */
  constructor(
    target: TopicPartition,
    order: number,
    createdMs: number,
    format: BatchFormat,
    orderWidth = 1,
  ) {
    this.target = target;
    this.order = order;
    this.#orderWidth = orderWidth;
    this.createdMs = createdMs;
    this.#format = format;
    this.#builder = new BatchBuilder({
      codec: format.codec,
      compressionLevel: format.compressionLevel,
      maxBytes: format.batchSize,
    });
  }

  get state(): BatchState {
    return this.#state;
  }

  get recordCount(): number {
    return this.#builder.recordCount;
  }

  /** How large it is, or will be at most. */
  get sizeBytes(): number {
    return this.#bytes?.length ?? this.#builder.estimatedSizeBytes;
  }

  /** Whether it takes no more records, however small. */
  get isFull(): boolean {
    return this.#state !== "open" || this.#builder.isFull;
  }

  /** Whether a record of so many bytes fits. */
  hasRoom(recordBytes: number): boolean {
    return this.#state === "open" &&
      this.#builder.estimatedSizeBytes + recordBytes <= this.#format.batchSize;
  }

  /** Adds a record; false if it takes no more. */
  append(record: RecordDraft, delivery: Delivery, reservedBytes: number): boolean {
    if (this.#state !== "open") return false;
    if (!this.#builder.append(record)) {
      this.#state = "closed";
      return false;
    }
    this.reservedBytes += reservedBytes;
    this.#deliveries.push(delivery);
    this.#timestampsMs.push(record.timestampMs ?? -1);
    return true;
  }

  /** Takes no more records from now on. */
  close(): void {
    if (this.#state === "open") this.#state = "closed";
  }

  /** Producer id, epoch and first sequence number; null before the first sending and without idempotence. */
  get sequence(): ProducerIdentity | null {
    return this.#sequence;
  }

  set sequence(sequence: ProducerIdentity | null) {
    this.#sequence = sequence;
    this.#bytes = null;
  }

  /** Its bytes. Closes it. */
  encoded(): Uint8Array {
    this.close();
    const { transactional } = this.#format;
    return this.#bytes ??= this.#builder.build({
      producer: this.#sequence ?? undefined,
      transactional,
    });
  }

  /** Tells all that wait. `baseOffset` -1n = unknown; `logAppendTimeMs` -1 = the records keep their own time. */
  succeed(baseOffset: bigint, logAppendTimeMs: number): void {
    if (this.#state === "settled") return;
    this.#state = "settled";
    const { topic, partition } = this.target;
    const step = baseOffset < 0n ? 0n : 1n;
    let offset = baseOffset;
    for (let i = 0; i < this.#deliveries.length; i++) {
      const timestampMs = logAppendTimeMs >= 0 ? logAppendTimeMs : this.#timestampsMs[i];
      this.#deliveries[i].resolve({ topic, partition, offset, timestampMs });
      offset += step;
    }
  }

  /** Tells all that wait. */
  fail(error: Error): void {
    if (this.#state === "settled") return;
    this.#state = "settled";
    for (const { reject } of this.#deliveries) reject(error);
  }

  /**
   * Two batches with the records of this one, which is not to be used any more: the broker finds it too large. They share
   * its sequence numbers and its memory.
   */
  split(): [ProducerBatch, ProducerBatch] {
    const half = Math.ceil(this.recordCount / 2);
    const records = [...recordsIn(this.encoded())];
    const parts = [records.slice(0, half), records.slice(half)].map((part, index) => {
      // Every record of a half fits, however the estimates go.
      const format = { ...this.#format, batchSize: Number.MAX_SAFE_INTEGER };
      const width = this.#orderWidth / 2;
      const order = this.order + index * width;
      const batch = new ProducerBatch(this.target, order, this.createdMs, format, width);
      const first = index * half;
      part.forEach(({ key, value, headers, timestampMs }, i) =>
        batch.append({ key, value, headers, timestampMs }, this.#deliveries[first + i], 0)
      );
      batch.close();
      if (this.#sequence !== null) {
        const { baseSequence, ...producer } = this.#sequence;
        batch.sequence = { ...producer, baseSequence: incrementSequence(baseSequence, first) };
      }
      return batch;
    }) as [ProducerBatch, ProducerBatch];
    parts[0].reservedBytes = this.reservedBytes;
    this.#state = "settled";
    return parts;
  }
}
