/** Something that a history tells and that cannot be true, or must not be. */
export interface Violation {
  /** What is wrong, in a word or two; every checker lists its own. */
  readonly kind: ViolationKind;
  /** What it is about, for people. */
  readonly text: string;
}

/** All kinds of violations. */
export type ViolationKind =
  /** Acknowledged or seen, and not in the log in the end. */
  | "lost"
  /** Back in the log, or in force again, after it was overwritten or deleted. */
  | "resurrected"
  /** Still in the log, though by the topic's settings the cleaner should have removed it long ago. */
  | "not cleaned"
  /** Twice in the log, of an idempotent producer. */
  | "duplicate"
  /** Of one idempotent producer, in another order than sent. */
  | "reordered"
  /** One offset, two values: in an acknowledgement, in what was seen, or in the log. */
  | "inconsistent offset"
  /** In the log or seen, and never sent there. */
  | "invented"
  /** An offset without a record, between others. */
  | "gap"
  /** Seen with `read_committed`, of a transaction that was aborted. */
  | "aborted read"
  /** Of a transaction, some writes or positions are visible and others are not. */
  | "torn transaction"
  /** Transactions that each depend on what another one has committed. */
  | "dependency cycle"
  /** A transaction that has not ended, and that nothing will end; or what one has left behind. */
  | "hanging transaction"
  /** A consumer that reads on left out a record. */
  | "poll skip"
  /** A consumer that reads on saw an offset again, or an earlier one. */
  | "non-monotonic poll"
  /** A producer was told that its record was not stored, and it was, and neither crash nor deadline came between. */
  | "error for an applied write"
  /** Two members of one generation of a group have the same partition. */
  | "double owner"
  /** The answers of a connection came in another order than the requests. */
  | "answer out of order"
  /** A commit that does not follow the one before it: of a broker that was replaced, or one that was applied twice. */
  | "broken chain"
  /** A key of the store that nothing leads to. */
  | "orphan"
  /** Something that must be stored is not, or cannot be read. */
  | "damage"
  /** A timer of a broker or client that was closed long ago. */
  | "timer left behind"
  /** The simulation itself failed: a crash, an uncaught error, no end. */
  | "failure";
