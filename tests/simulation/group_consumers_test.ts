/**
 * Groups of consumers against the real broker in virtual time: 50 seeds of a small group. The storm in a group of 50 members
 * is a task of its own, on all cores: `deno task test:storm`. A seed that fails tells how to run it again.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { group, GROUP_FAULTS, type GroupOutcome, groupStorm } from "./group_consumers.ts";
import { replayCommand } from "./scenario.ts";

const SEEDS = 50;

Deno.test("Group gives no partition to two members of a generation, skips no record, and settles, whatever goes wrong", async () => {
  const outcomes: GroupOutcome[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const outcome = await group.run(seed);
    assertEquals(outcome.violations, [], replayCommand("group", seed));
    assertGreater(outcome.generations, 1, replayCommand("group", seed));
    outcomes.push(outcome);
  }
  for (const kind of GROUP_FAULTS) {
    assert(outcomes.some(({ faults }) => faults[kind] > 0), `${kind}: never happened`);
  }
});

Deno.test("Group of consumers has the same history for the same seed", async () => {
  assertEquals((await group.run(0)).hash, (await group.run(0)).hash);
});

/**
 * A member joined generation 2, its coordinator died before that had its assignment, and the member was silent for so long
 * that it was removed. Generation 2 came again without it. When it came to, it gave up what it owned, in generation 2 as far
 * as it knew: the checker took that for a partition that had changed hands too early.
 */
Deno.test("Member that a generation came again without is not blamed for giving up late (seed 2031)", async () => {
  const outcome = await groupStorm.run(2031);
  assertEquals(outcome.violations, [], replayCommand("group-storm", 2031));
});
