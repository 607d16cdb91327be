import type { Environment } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { type Matching, Pattern } from "../../protocol/re2/pattern.ts";
import { PatternError } from "../../protocol/re2/syntax.ts";

/** Steps at a time, before others have their turn: some milliseconds. */
const STEPS_PER_TURN = 50_000;
/** Steps for one request: some seconds. A hundred thousand ids are looked through with a tenth of it. */
const STEPS_MAX = 100_000_000;

/**
 * Looks ids through for those that match a regular expression, which may be meant to take for ever: it gets its time in
 * small pieces, and not more than so much of it.
 */
export class IdFilter {
  readonly #pattern: Pattern | null;
  #steps = 0;
  #stepsOfTurn = 0;

  /**
   * @param pattern null or empty: everything passes
   * @throws KafkaError INVALID_REGULAR_EXPRESSION
   */
  constructor(
    pattern: string | null,
    private readonly environment: Pick<Environment, "timers">,
    private readonly stepsMax: number = STEPS_MAX,
  ) {
    try {
      this.#pattern = pattern === null || pattern === "" ? null : new Pattern(pattern);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw new KafkaError("INVALID_REGULAR_EXPRESSION", error.message);
    }
  }

  /**
   * Whether an id matches as a whole.
   *
   * @throws KafkaError INVALID_REGULAR_EXPRESSION when that takes too long, all ids taken together
   */
  async passes(id: string): Promise<boolean> {
    if (this.#pattern === null) return true;
    const matching = this.#pattern.match(id);
    let found = this.#run(matching);
    while (found === null) {
      if (this.#steps > this.stepsMax) {
        throw new KafkaError("INVALID_REGULAR_EXPRESSION", "The pattern takes too long to match");
      }
      this.#stepsOfTurn = 0;
      await sleep(this.environment, 0);
      found = this.#run(matching);
    }
    return found;
  }

  #run(matching: Matching): boolean | null {
    const before = matching.steps;
    const found = matching.run(STEPS_PER_TURN - this.#stepsOfTurn);
    const steps = Math.max(1, matching.steps - before);
    this.#steps += steps;
    this.#stepsOfTurn += steps;
    return found;
  }
}
