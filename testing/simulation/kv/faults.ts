import type { KvCommit } from "../../../storage/kv/kv.ts";
import type { SimulatedProcess } from "../process.ts";
import type { Range } from "../random.ts";

/** How a simulated store behaves. Probabilities are per call, from 0 to 1. */
export interface KvFaults {
  /** Milliseconds between a call and its effect, and between the effect and the answer. */
  readonly delayMs: Range;
  /** Calls that take `slowMs` longer. */
  readonly slowChance: number;
  /** By how much slow calls are slower. */
  readonly slowMs: Range;
  /** Commits that never arrive; answered `unknown`. */
  readonly lostRequestChance: number;
  /** Commits that are applied and whose answer is lost; answered `unknown`. */
  readonly lostAnswerChance: number;
  /** Commits that are answered `unknown` first and arrive `lateMs` later. */
  readonly lateChance: number;
  /** How much later late commits arrive. */
  readonly lateMs: Range;
  /** Commits that arrive twice, where the second arrival gives the answer: a `conflict` for what was applied. */
  readonly duplicateChance: number;
  /** Commits answered `conflict` and not applied, though nobody else wrote. */
  readonly conflictChance: number;
  /** Commits answered `refused` and not applied. */
  readonly refusedChance: number;
  /** Reads that throw. */
  readonly readErrorChance: number;
  /** Commits still under way that arrive although their process was killed meanwhile. */
  readonly outliveChance: number;
}

/** A store that does what it is asked, a moment later. */
export const QUIET_KV: KvFaults = {
  delayMs: [0.05, 0.5],
  slowChance: 0,
  slowMs: [5, 500],
  lostRequestChance: 0,
  lostAnswerChance: 0,
  lateChance: 0,
  lateMs: [1, 5000],
  duplicateChance: 0,
  conflictChance: 0,
  refusedChance: 0,
  readErrorChance: 0,
  outliveChance: 0.5,
};

/** A store at the other end of a bad network. */
export const ROUGH_KV: KvFaults = {
  ...QUIET_KV,
  delayMs: [0.05, 3],
  slowChance: 0.02,
  lostRequestChance: 0.01,
  lostAnswerChance: 0.02,
  lateChance: 0.01,
  duplicateChance: 0.02,
  refusedChance: 0.005,
  readErrorChance: 0.002,
};

/** The faults of a commit, for {@linkcode SimulatedStore.fail}. */
export type CommitFault =
  | "lostRequest"
  | "lostAnswer"
  | "late"
  | "duplicate"
  | "conflict"
  | "refused"
  | "slow";

/** Sees the commits of a store, for {@linkcode SimulatedStore.observe}. */
export type CommitObserver = (commit: KvCommit, from: SimulatedProcess) => void;
