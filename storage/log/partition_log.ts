/**
 * The contract of a log engine: what a partition actor needs of the storage of its log.
 *
 * Offsets here are `number` (safe integers): this is the hot path. A log has exactly one writer, the partition actor.
 *
 * @module
 */
import type { BatchHeader } from "../../protocol/records/batch_header.ts";
import type { ProducerStates } from "./producer_states.ts";

/** Names a partition for ever: the topic's id (22 characters of base64url) and the partition index. */
export interface PartitionId {
  readonly topicId: string;
  readonly partition: number;
}

/** All the logs of one broker. */
export interface LogStore {
  /**
   * The log of a partition, recovered and ready: absent means empty, and costs nothing until the first append.
   * The same object for the same partition while it is open.
   */
  open(id: PartitionId): Promise<PartitionLog>;
  /** Leader epoch under which this process writes a partition, whether it is open or not. Synchronous. */
  leaderEpochOf(id: PartitionId): number;
  /** Bytes of record batches that a partition has stored, whether it is open or not. Synchronous. */
  sizeBytesOf(id: PartitionId): number;
  /** Marks partitions as deleted; their records are swept in the background, resumed at the next start. Idempotent. */
  remove(ids: readonly PartitionId[]): Promise<void>;
  /**
   * Does now what is otherwise done at intervals: cuts logs off by their settings (`retention`), compacts, and gives back
   * what is not needed any more. Settles when nothing is left to do, or each shard had its turn (a minute and the job that
   * was going on then); returns whether something may be left.
   */
  upkeep(what: { readonly retention: boolean }): Promise<boolean>;
  /** Every partition that has stored data: used at start to find the ones of deleted topics. */
  stored(): Iterable<PartitionId>;
  /** Counters for metrics, benchmarks and tests. */
  readonly usage: LogStoreUsage;
  /** Commits what is pending, writes what makes the next start quick, closes the stores. */
  close(): Promise<void>;
}

/** Counters since the start of the process, and sizes now. */
export interface LogStoreUsage {
  readonly commits: number;
  readonly appends: number;
  readonly appendedBytes: number;
  readonly cachedBytes: number;
  readonly pendingBytes: number;
}

/** What became of an append. */
export type AppendOutcome =
  | { readonly kind: "committed" }
  /**
   * Surely not stored, and never will be: the writer may answer an error and go on. The one exception: with KafkaError
   * NOT_LEADER_OR_FOLLOWER this process was replaced, and only its successor knows.
   */
  | { readonly kind: "failed"; readonly error: Error };

/** Batches as stored, ready to be sent: each slice is a view that nobody writes to again. */
export interface LogRead {
  /** Whole record batches, one after another; a batch may span several slices. */
  readonly slices: readonly Uint8Array[];
  readonly bytes: number;
  /** The offset after the last batch returned, or the offset asked for when nothing was returned. */
  readonly nextOffset: number;
}

/** Where a record was found by time. */
export interface TimestampedOffset {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** A leader epoch and the first offset written in it (KIP-101). */
export interface EpochEntry {
  readonly epoch: number;
  readonly startOffset: number;
}

/** An aborted transaction, as Fetch and the index of a segment tell it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

/** The log of one partition. */
export interface PartitionLog {
  readonly id: PartitionId;
  /** First offset that can be read. */
  readonly logStartOffset: number;
  /** The offset that the next batch gets: decided, counting what is in flight. */
  readonly logEndOffset: number;
  /** All offsets below are durable. Consumers never see beyond. */
  readonly highWatermark: number;
  /** First offset of the oldest open transaction, or the high watermark when there is none. */
  readonly lastStableOffset: number;
  /** Epoch of the leadership under which this process writes; survives restarts and rises with each. */
  readonly leaderEpoch: number;
  /** Bytes of record batches between logStartOffset and the high watermark. */
  readonly sizeBytes: number;
  /** Largest record timestamp of durable data, -1 if none. */
  readonly maxTimestampMs: number;
  /** Decided producer state: committed and in flight. */
  readonly producers: ProducerStates;

  /**
   * Takes a validated batch: assigns `logEndOffset` as its base offset, overwrites base offset and leader epoch in its
   * own copy, applies it to `producers`, and hands it to the next commit: all before it returns. `batch` may be reused
   * by the caller at once. `onOutcome` is called once, later, in append order. After a failure every batch behind it
   * fails too, and by the time its `onOutcome` is called the decided state is that of the committed log.
   *
   * @returns the base offset given.
   * @throws KafkaError KAFKA_STORAGE_ERROR when the log is closed or refuses writes (disk reserve), REQUEST_TIMED_OUT when
   * too many bytes wait for the store, NOT_LEADER_OR_FOLLOWER when this process was replaced, UNKNOWN_TOPIC_OR_PARTITION
   * when the partition was removed. Nothing was decided then.
   */
  append(
    batch: Uint8Array,
    header: BatchHeader,
    onOutcome: (outcome: AppendOutcome) => void,
  ): number;

  /**
   * Calls `onOutcome` once, when the batch in flight at `baseOffset` is settled: for the duplicate of a batch whose first
   * copy is not durable yet. At once when it is durable already.
   */
  whenCommitted(baseOffset: number, onOutcome: (outcome: AppendOutcome) => void): void;

  /**
   * Whole batches from the one that contains `offset`, up to `beforeOffset` (high watermark or last stable offset) and
   * about `maxBytes`; at least one batch when `minOneBatch`. Synchronous when the bytes are in memory.
   * Reads concurrent with retention may throw KafkaError OFFSET_OUT_OF_RANGE. Where stored bytes are damaged, what lies
   * before them is given; asked for the damaged batch itself, it throws KafkaError CORRUPT_MESSAGE.
   */
  read(request: {
    readonly offset: number;
    readonly beforeOffset: number;
    readonly maxBytes: number;
    readonly minOneBatch: boolean;
  }): LogRead | Promise<LogRead>;

  /** The first record at or after `timestampMs` (records in offset order), below `beforeOffset`; null if none. */
  findByTimestamp(timestampMs: number, beforeOffset: number): Promise<TimestampedOffset | null>;
  /** The first record that carries the largest timestamp, below the high watermark; null if the log is empty. */
  findMaxTimestamp(): Promise<TimestampedOffset | null>;
  /** Aborted transactions that overlap [offset, beforeOffset), ordered by first offset. */
  abortedTransactions(offset: number, beforeOffset: number): Promise<readonly AbortedTransaction[]>;
  /** Epochs of the durable log, oldest first; the current epoch is last even when nothing was written in it. */
  readonly epochs: readonly EpochEntry[];
  /** Raises logStartOffset (DeleteRecords, retention), durably. Never beyond the high watermark. */
  advanceLogStart(offset: number): Promise<void>;
}
