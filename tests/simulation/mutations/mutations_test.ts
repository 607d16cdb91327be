/**
 * What the simulation is worth: every rule that is switched off is noticed within 50 seeds. Each mutation runs on a copy of the
 * tree in a process of its own, up to the first seed that notices it.
 */
import { assert } from "@std/assert";
import { runMutant } from "./mutated_tree.ts";
import { MUTATIONS } from "./mutations.ts";

const SEEDS = 50;

for (const mutation of MUTATIONS) {
  Deno.test(`Simulation notices when this does not hold: ${mutation.rule}`, async () => {
    const { success, output } = await runMutant(mutation, SEEDS);
    assert(!success, `${SEEDS} seeds have noticed nothing`);
    const found = [...output.matchAll(/^ {2}([a-z -]+): /gm)].map(([, kind]) => kind);
    if (/^seed .* FAILED$/m.test(output)) found.push("failure");
    const { caughtAs } = mutation;
    const expected = caughtAs.some((kind) => found.includes(kind));
    assert(expected, `Found ${found}, not one of ${caughtAs}:\n${output.slice(-3000)}`);
  });
}
