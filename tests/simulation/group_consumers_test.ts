/**
 * Groups of consumers against the real broker in virtual time: 50 seeds of a small group, some of a storm in one of 50
 * members. `deno task simulate --scenario group-storm --seeds 500` runs more; a seed that fails tells how to run it again.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { group, type GroupOutcome, type GroupScenario, groupStorm } from "./group_consumers.ts";
import { replayCommand } from "./scenario.ts";

const SEEDS = 50;
/** Two of each assignor: a seed of a storm takes about as long as twenty of a small group. */
const STORM_SEEDS = 8;
const FAULT_KINDS = ["broker killed", "member fenced", "member stalled", "member vanished"];

async function runSeeds(
  name: string,
  scenario: GroupScenario,
  count: number,
): Promise<GroupOutcome[]> {
  const outcomes: GroupOutcome[] = [];
  for (let seed = 0; seed < count; seed++) {
    const outcome = await scenario.run(seed);
    assertEquals(outcome.violations, [], replayCommand(name, seed));
    assertGreater(outcome.generations, 1, replayCommand(name, seed));
    outcomes.push(outcome);
  }
  for (const kind of FAULT_KINDS) {
    assert(outcomes.some(({ faults }) => faults[kind] > 0), `${kind}: never happened`);
  }
  return outcomes;
}

Deno.test("Group gives no partition to two members of a generation, skips no record, and settles, whatever goes wrong", async () => {
  await runSeeds("group", group, SEEDS);
});

Deno.test("Group of 50 members weathers a storm in which they come, go, stall, vanish and are fenced", async () => {
  await runSeeds("group-storm", groupStorm, STORM_SEEDS);
});

Deno.test("Group of consumers has the same history for the same seed", async () => {
  assertEquals((await group.run(0)).hash, (await group.run(0)).hash);
});
