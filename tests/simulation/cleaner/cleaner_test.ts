/**
 * The cleaner in virtual time, 50 seeds; continuous integration runs 500. To see one seed:
 * `deno task simulate --scenario cleaner --from 17 --seeds 1`.
 */
import { assert, assertEquals } from "@std/assert";
import type { Outcome } from "../scenario.ts";
import { cleaner } from "./cleaner.ts";
import { CLEANER_STEPS } from "./steps.ts";

const SEEDS = 50;
/** Kills at each step, over all seeds. */
const KILLS_MIN = 3;

Deno.test("Cleaner loses no live record and brings none back, at whatever step the broker is killed", async () => {
  const outcomes: Outcome[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const outcome = await cleaner.run(seed);
    assertEquals(outcome.violations, [], `seed ${seed}`);
    outcomes.push(outcome);
  }
  for (const step of CLEANER_STEPS) {
    const kind = `killed at: ${step}`;
    const count = outcomes.reduce((sum, { faults }) => sum + (faults[kind] ?? 0), 0);
    assert(count >= KILLS_MIN, `${kind}: ${count}`);
  }
  assertEquals((await cleaner.run(0)).hash, outcomes[0].hash);
});
