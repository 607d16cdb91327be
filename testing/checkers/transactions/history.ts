/**
 * What is known of a run with transactions: what clients did and were told, and what is there in the end.
 *
 * @module
 */
import type { SeenRecord, SentRecord } from "../log_checker.ts";

/**
 * How a producer's transactions are told apart. 2: each has an epoch of its own, so that nothing that is delayed can be
 * taken for a part of a later one (KIP-890, `transaction.version` 2). 1: all of a producer share one epoch.
 */
export type TransactionVersion = 1 | 2;

/**
 * What the producer knows of the end: it was told that the transaction is committed; it knows that it is not (it aborted,
 * or never asked for anything else); or it asked for a commit and does not know what came of it.
 */
export type TransactionOutcome = "committed" | "aborted" | "unknown";

/** A record that a transaction wrote. */
export type TransactionWrite = Pick<SentRecord, "partition" | "value" | "offset">;

/** A record that a transaction was made of. */
export type TransactionRead = Pick<SeenRecord, "partition" | "value" | "offset">;

/** How far a group has come in a partition: the offset of the record that comes next. */
export interface GroupPosition {
  /** The group. */
  readonly group: string;
  /** Topic and partition, e.g. `orders-3`. */
  readonly partition: string;
  /** The offset that comes next. */
  readonly offset: number;
}

/** One transaction, as its producer knows it. */
export interface TransactionFacts {
  /** As no other transaction is called. */
  readonly name: string;
  /** One instance of a producer: whose transactions follow each other. */
  readonly producer: string;
  /** Shared by the instances of a producer that follow each other. */
  readonly transactionalId: string;
  /** How it is told apart from others. */
  readonly version: TransactionVersion;
  /** What it wrote, in the order of sending; offset null = not acknowledged. */
  readonly writes: readonly TransactionWrite[];
  /** The records that it was made of, read under `read_committed` before it was committed. */
  readonly reads: readonly TransactionRead[];
  /** The positions that are to be committed with it. */
  readonly positions: readonly GroupPosition[];
  /** What is known of its end. */
  readonly outcome: TransactionOutcome;
}

/** The requests that do harm when they are late. */
export type LateRequest = "EndTxn" | "Produce" | "TxnOffsetCommit";

/** A request of which a copy may have arrived after its transaction ended: it went out twice, or its connection broke. */
export interface LateCopy {
  /** Name of the transaction that it belongs to. */
  readonly transaction: string;
  /** Which request. */
  readonly request: LateRequest;
}

/** All that is known of a run. */
export interface TransactionHistory {
  /** Each producer's in their order; instances of a transactional id in theirs. */
  readonly transactions: readonly TransactionFacts[];
  /** What was sent outside of transactions. */
  readonly sent: readonly SentRecord[];
  /** What consumers saw under `read_committed`, each in the order of seeing. */
  readonly seen: readonly SeenRecord[];
  /** Names of consumers that did not begin at the start of the partitions. */
  readonly startedAnywhere: ReadonlySet<string>;
  /** Everything that is visible under `read_committed` in the end, once all has come to rest. */
  readonly committedLog: readonly SeenRecord[];
  /** Everything that is there in the end, aborted transactions included; null when nobody has looked. */
  readonly wholeLog: readonly SeenRecord[] | null;
  /** Positions that groups' members were told, at any time and in the end: with `RequireStable`. */
  readonly toldPositions: readonly GroupPosition[];
  /** Positions of the groups in the end. Groups begin at offset 0 and never seek; nobody else commits for them. */
  readonly positions: readonly GroupPosition[];
  /** Requests of TV1 transactions of which a copy may have been late. */
  readonly late: readonly LateCopy[];
}
