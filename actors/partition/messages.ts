/**
 * What a partition can be asked.
 *
 * @module
 */
import type { AbortedTransaction, EpochEntry } from "../../storage/log/partition_log.ts";
import type { TopicConfig } from "../../config/topic_config.ts";
import type { Message } from "../core/message.ts";
import type { Guard } from "../transaction/guards.ts";

/** KIP-98: whether records of open and aborted transactions are held back. */
export type Isolation = "read_uncommitted" | "read_committed";

/** ListOffsets' special timestamps, as numbers on the wire. */
export const LATEST = -1;
export const EARLIEST = -2;
export const MAX_TIMESTAMP = -3;
export const EARLIEST_LOCAL = -4;
export const LATEST_TIERED = -5;
export const EARLIEST_PENDING_UPLOAD = -6;

/** DeleteRecords' offset for the high watermark. */
export const HIGH_WATERMARK = -1;

/** A batch was stored. */
export interface Appended {
  readonly baseOffset: number;
  /** The broker's time for a LogAppendTime topic, -1 otherwise. */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: number;
}

/** What was read. */
export interface Fetched {
  /** Whole batches as stored. Views: nobody writes to them again. */
  readonly slices: readonly Uint8Array[];
  readonly bytes: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** null for read_uncommitted. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
  /** KIP-595: set when the fetcher's log and this one disagree; nothing is read then. */
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | null;
}

/** One waiting Fetch request, registered with each partition it wants. */
export interface FetchWaiter {
  /** True once it was answered: partitions forget it. */
  readonly done: boolean;
  /** `bytes` more can be read (0 = something else changed that must be told at once: deletion, new epoch). */
  advanced(bytes: number): void;
}

/** Idempotent or transactional producer known to a partition, as DescribeProducers shows it. */
export interface ProducerDescription {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestampMs: number;
  readonly coordinatorEpoch: number;
  /** First offset of its open transaction, -1 when there is none. */
  readonly currentTxnStartOffset: number;
}

/** The end of a transaction, as a partition is told of it. */
export interface PartitionMarker {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly commit: boolean;
  readonly coordinatorEpoch: number;
  /** KIP-890: an end comes with an epoch that is higher than that of the transaction. */
  readonly bumped?: boolean;
  /** Somebody else than the coordinator writes it, and is refused where a later coordinator has been. */
  readonly foreign?: boolean;
}

export type PartitionMessage =
  | Message<
    "append",
    {
      /** The partition's records of a Produce request: exactly one batch, or it is refused. Not changed. */
      readonly records: readonly Uint8Array[] | null;
      /** Version of the Produce request: zstd needs 7. */
      readonly requestVersion: number;
      /**
       * What a batch that begins a transaction here needs: proof that the transaction's coordinator knows of this
       * partition.
       */
      readonly guard?: Guard | null;
      /** A coordinator writes its own log: it knows what it does. `client` if left out. */
      readonly origin?: "client" | "coordinator";
    },
    Appended
  >
  | Message<
    /**
     * Whether a transactional batch may be appended as it is (null), or its coordinator has to be asked first; the batch
     * is then to come with the guard, which is void as soon as a transaction of the producer ends here.
     */
    "guard",
    { readonly producerId: bigint; readonly producerEpoch: number },
    Guard | null
  >
  | Message<
    /** Ends the transaction of a producer here, if there is one. */
    "writeMarker",
    PartitionMarker,
    void
  >
  | Message<
    /** Whether a marker may be written. For those of `__consumer_offsets`, which the coordinator of groups writes. */
    "checkMarker",
    PartitionMarker,
    void
  >
  | Message<
    "fetch",
    {
      readonly offset: number;
      readonly maxBytes: number;
      /** At least one whole batch, however large. */
      readonly minOneBatch: boolean;
      readonly isolation: Isolation;
      /** What the client believes the epoch to be; -1 = no check. */
      readonly currentLeaderEpoch: number;
      /** Epoch of the last record the client has; -1 = no check. */
      readonly lastFetchedEpoch: number;
    },
    Fetched
  >
  | Message<
    /**
     * Registers a waiting Fetch: it is told of everything that becomes readable at `offset` and beyond, where `offset`
     * is the limit (high watermark or last stable offset) that it was told when it read. If the limit has moved since,
     * it is told so at once.
     */
    "watch",
    { readonly waiter: FetchWaiter; readonly offset: number; readonly isolation: Isolation },
    void
  >
  | Message<
    /** `timestamp` >= 0, or one of the special timestamps. Offset -1 = nothing found. */
    "listOffset",
    {
      readonly timestamp: number;
      readonly isolation: Isolation | null;
      readonly currentLeaderEpoch: number;
    },
    { readonly offset: number; readonly timestampMs: number; readonly leaderEpoch: number }
  >
  | Message<
    /** KIP-320. Epoch and end offset are -1 when unknown. */
    "epochEnd",
    { readonly leaderEpoch: number; readonly currentLeaderEpoch: number },
    { readonly leaderEpoch: number; readonly endOffset: number }
  >
  | Message<"describeProducers", Record<never, never>, readonly ProducerDescription[]>
  | Message<
    "describe",
    Record<never, never>,
    {
      readonly logStartOffset: number;
      readonly highWatermark: number;
      readonly lastStableOffset: number;
      readonly leaderEpoch: number;
      readonly sizeBytes: number;
      readonly epochs: readonly EpochEntry[];
    }
  >
  | Message<
    /** Records below an offset are deleted, durably; {@linkcode HIGH_WATERMARK} = all that can be read. */
    "deleteRecords",
    { readonly beforeOffset: number },
    { readonly logStartOffset: number }
  >
  | Message<"configure", { readonly config: TopicConfig }, void>
  | Message<
    /** The topic is being deleted, or the broker closes: waiting Fetches are sent to look again. */
    "retire",
    Record<never, never>,
    void
  >;
