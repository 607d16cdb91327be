/** What can happen to a transactional id: a producer's doing, or the coordinator's. */
export type TransactionHappeningName =
  | "init"
  | "add"
  | "end"
  | "timeout"
  | "markersWritten"
  | "expire";

/** Where a transactional id can stand, by Kafka's names. */
export type TransactionStanding =
  | "Empty"
  | "Ongoing"
  | "PrepareEpochFence"
  | "PrepareCommit"
  | "PrepareAbort"
  | "CompleteCommit"
  | "CompleteAbort"
  | "Dead";

/** Something that happened to a transactional id. */
export interface TransactionHappening {
  /** The transactional id. */
  readonly transactionalId: string;
  /** What it was. */
  readonly event: TransactionHappeningName;
  /** Where it stood before. */
  readonly from: TransactionStanding;
  /** Where it stands now. */
  readonly to: TransactionStanding;
  /** The producer's id. */
  readonly producerId: bigint;
  /** The epoch after it. */
  readonly epoch: number;
  /** Why, in words. */
  readonly reason: string;
  /** Wall clock. */
  readonly timeMs: number;
}
