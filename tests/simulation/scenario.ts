/** What a scenario is: a program for one seed, and what came of it. */
import type { Violation } from "../../testing/mod.ts";

/** What came of a seed. */
export interface Outcome {
  /** Of everything that happened: equal for two runs of a seed. */
  readonly hash: string;
  /** What cannot be true of Kafka. */
  readonly violations: readonly Violation[];
  /** Batches that were acknowledged, at least. */
  readonly acknowledged: number;
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  /** What else was counted, and is no fault. */
  readonly notes?: Readonly<Record<string, number>>;
  /** Virtual milliseconds that it took. */
  readonly virtualMs: number;
  /** What happened before the first violation was found, for people. */
  readonly timeline?: readonly string[];
}

/** A scenario: the same outcome for the same seed. */
export interface Scenario {
  /** One line for people. */
  readonly description: string;
  /** The kinds of faults that are there for its sake, and must not be rare. Default: all that happen. */
  readonly faultKinds?: readonly string[];
  /** Runs it. Throws a SimulationError when the simulation itself fails. */
  run(seed: number): Promise<Outcome>;
}

/** The command that runs one seed again. */
export function replayCommand(scenario: string, seed: number): string {
  return `deno task simulate --scenario ${scenario} --from ${seed} --seeds 1`;
}
