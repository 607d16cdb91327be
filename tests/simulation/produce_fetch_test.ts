/**
 * Producers and consumers against the real broker in virtual time, 200 seeds, each run twice. To see one seed:
 * `deno test tests/simulation/produce_fetch_test.ts -- 17`.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { type Outcome, produceFetch } from "./produce_fetch.ts";

const SEEDS = 200;
const RECORDS_PER_SEED = 240;
const FAULT_KINDS = [
  "broker killed",
  "broker replaced by a successor",
  "clock jump",
  "kv disk full",
  "kv duplicate request",
  "kv late request",
  "kv lost answer",
  "kv lost request",
  "kv read error",
  "kv refused",
  "kv request dies with process",
  "kv request outlives process",
  "kv slow",
  "network delay",
  "network dial refused",
  "network half-open",
  "network partition",
  "network reset",
  "network slow connection",
  "network split",
];

const asked = Deno.args.map(Number).filter(Number.isInteger);
const seeds = asked.length > 0 ? asked : Array.from({ length: SEEDS }, (_, seed) => seed);
const outcomes = new Map<number, Outcome>();

Deno.test("Broker loses, repeats and reorders nothing that it has acknowledged, whatever goes wrong", async () => {
  let acknowledged = 0;
  for (const seed of seeds) {
    const outcome = await produceFetch(seed);
    outcomes.set(seed, outcome);
    acknowledged += outcome.acknowledged;
    assertEquals(outcome.violations, [], `seed ${seed}`);
  }
  assertGreater(acknowledged, seeds.length * RECORDS_PER_SEED * 0.99);
});

Deno.test("Broker and clients have the same history for the same seed", async () => {
  for (const seed of seeds) {
    assertEquals((await produceFetch(seed)).hash, outcomes.get(seed)?.hash, `seed ${seed}`);
  }
  assertEquals(new Set([...outcomes.values()].map(({ hash }) => hash)).size, seeds.length);
});

Deno.test({
  name: "Broker was hit by every kind of fault",
  ignore: asked.length > 0, // a seed alone has not all of them
  fn() {
    for (const kind of FAULT_KINDS) {
      const count = [...outcomes.values()].reduce(
        (sum, { faults }) => sum + (faults[kind] ?? 0),
        0,
      );
      assert(count >= 10, `${kind}: ${count}`);
    }
  },
});
