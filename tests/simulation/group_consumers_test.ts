/**
 * Groups of consumers against the real broker in virtual time, 50 seeds. To see one seed:
 * `deno test tests/simulation/group_consumers_test.ts -- 17`.
 */
import { assert, assertEquals } from "@std/assert";
import { groupConsumers } from "./group_consumers.ts";

const SEEDS = 50;
const asked = Deno.args.map(Number).filter(Number.isInteger);
const seeds = asked.length > 0 ? asked : Array.from({ length: SEEDS }, (_, seed) => seed);

Deno.test("Group gives no partition to two members of a generation, skips no record, and settles, whatever goes wrong", async () => {
  for (const seed of seeds) {
    const { violations, generations } = await groupConsumers(seed);
    assertEquals(violations, [], `seed ${seed}`);
    assert(generations > 1, `seed ${seed}: ${generations} generations`);
  }
});

Deno.test("Group of consumers has the same history for the same seed", async () => {
  const [seed] = seeds;
  assertEquals((await groupConsumers(seed)).hash, (await groupConsumers(seed)).hash);
});
