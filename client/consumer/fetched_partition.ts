import { KafkaError } from "../../protocol/errors.ts";
import { lastOffset, timestampType } from "../../protocol/records/batch_header.ts";
import { type Batch, batchesIn } from "../../protocol/records/batches.ts";
import { checkCrc, recordsIn } from "../../protocol/records/records.ts";
import { asError, cannot } from "../errors.ts";
import type { AssignedPartition } from "./assignment.ts";
import type { ConsumerRecord } from "./record.ts";
import { type AbortedTransaction, seenBatches } from "./visible_batches.ts";

/** What a fetch brought of one partition. */
export interface FetchedBytes {
  readonly records: readonly Uint8Array[];
  /** null = read_uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null;
  readonly checkCrcs: boolean;
}

/** The records that a fetch brought of one partition, decoded as they are read; reading moves the partition's position. */
export class FetchedPartition {
  readonly partition: AssignedPartition;
  readonly #generation: number;
  readonly #fetched: FetchedBytes;
  readonly #records: Generator<ConsumerRecord, void>;
  #next: ConsumerRecord | null = null;
  #failure: Error | null = null;

  constructor(partition: AssignedPartition, fetched: FetchedBytes) {
    this.partition = partition;
    this.#generation = partition.generation;
    this.#fetched = fetched;
    this.#records = this.#decode();
    this.#advance();
  }

  /** Whether it is void because the position has jumped or the partition was taken away. */
  get isVoid(): boolean {
    return this.partition.generation !== this.#generation;
  }

  /** Whether there is nothing left in it. */
  get isEmpty(): boolean {
    return this.#next === null && this.#failure === null;
  }

  /** Why nothing more can be read; it is empty afterwards. */
  takeFailure(): Error | null {
    if (this.#next !== null) return null;
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  /** Moves up to `max` records to `into`. */
  take(into: ConsumerRecord[], max: number): void {
    for (let record = this.#next; record !== null && max > 0; record = this.#next, max--) {
      into.push(record);
      this.partition.advance({ offset: Number(record.offset) + 1, epoch: record.leaderEpoch });
      this.#advance();
    }
  }

  #advance(): void {
    this.#next = null;
    try {
      const { value, done } = this.#records.next();
      if (!done) this.#next = value;
    } catch (error) {
      const { offset } = this.partition.position!;
      const known = error instanceof KafkaError
        ? error
        : new KafkaError("CORRUPT_MESSAGE", asError(error).message, { cause: error });
      this.#failure = cannot(`read ${this.partition.key} at offset ${offset}`, known);
    }
  }

  *#decode(): Generator<ConsumerRecord, void> {
    const { records, aborted, checkCrcs } = this.#fetched;
    let batchCount = 0;
    for (const batch of seenBatches(batchesIn(records), aborted)) {
      batchCount++;
      if (checkCrcs) checkCrc(batch.bytes, batch.header);
      if (batch.isVisible) yield* this.#decodeBatch(batch);
      const { header } = batch;
      const next = Math.max(lastOffset(header) + 1, this.partition.position!.offset);
      this.partition.advance({ offset: next, epoch: header.partitionLeaderEpoch });
    }
    if (batchCount === 0 && records.some(({ length }) => length > 0)) {
      throw new KafkaError("MESSAGE_TOO_LARGE", "the broker sent less than one whole batch");
    }
  }

  *#decodeBatch({ header, bytes }: Batch): Generator<ConsumerRecord, void> {
    const { topic, partition } = this.partition;
    const type = timestampType(header);
    const start = this.partition.position!.offset; // a batch may begin before it
    for (const { offset, timestampMs, key, value, headers } of recordsIn(bytes)) {
      if (offset < start) continue;
      yield {
        topic,
        partition,
        offset: BigInt(offset),
        timestampMs,
        timestampType: type,
        key,
        value,
        headers,
        leaderEpoch: header.partitionLeaderEpoch,
      };
    }
  }
}
