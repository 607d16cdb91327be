/**
 * Runs seeds for `simulate.ts`, in a thread of its own.
 *
 * @module
 */
import { type Outcome, type Scenario } from "../../tests/simulation/scenario.ts";
import { SCENARIOS } from "../../tests/simulation/scenarios.ts";

/** One seed to run. */
export interface SeedTask {
  readonly scenario: string;
  readonly seed: number;
  /** Whether to run it a second time and to compare. */
  readonly twice: boolean;
}

/** What came of it. */
export interface SeedResult extends Outcome {
  readonly seed: number;
  /** Why the simulation itself failed, with its timeline; null if it did not. */
  readonly failure: string | null;
}

const NOTHING: Outcome = {
  hash: "-".repeat(33),
  violations: [],
  acknowledged: 0,
  faults: {},
  virtualMs: 0,
};

async function runSeed({ scenario: name, seed, twice }: SeedTask): Promise<SeedResult> {
  const scenario: Scenario = SCENARIOS.get(name)!;
  try {
    const outcome = await scenario.run(seed);
    const again = twice ? await scenario.run(seed) : outcome;
    const failure = again.hash === outcome.hash
      ? null
      : `The second run of the seed had another history: ${again.hash}`;
    return { ...outcome, seed, failure };
  } catch (error) {
    return { ...NOTHING, seed, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** What a module worker has and a page has not. */
declare const self: {
  onmessage: (event: MessageEvent<SeedTask>) => void;
  postMessage(result: SeedResult): void;
};

self.onmessage = async ({ data }) => self.postMessage(await runSeed(data));
