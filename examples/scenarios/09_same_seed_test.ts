/**
 * A test failed that has chance in it. How do I see the same failure again?
 *
 * All chance in a simulation follows from its seed: the same seed gives the same history, down to the last bit.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { Producer } from "../../mod.ts";
import { ROUGH_KV, ROUGH_NETWORK, simulate } from "../../testing/mod.ts";

/** A minute of bad luck. */
async function hashOf(seed: number): Promise<string> {
  await using simulation = simulate({ seed, network: ROUGH_NETWORK, kv: ROUGH_KV });
  simulation.occasionally("kill", "5s", () => simulation.broker.restart());
  const producer = new Producer(simulation.client());
  simulation.occasionally("send", "100ms", (random) => {
    const value = `${random.below(1000)}`;
    producer.send({ topic: "orders", value }).then(({ offset }) =>
      simulation.history.record("stored", { value, offset })
    );
  });
  await simulation.advance("1m");
  return simulation.hash;
}

Deno.test("Simulation has the same history for the same seed, and another for another", async () => {
  const hash = await hashOf(9);
  assertEquals(await hashOf(9), hash);
  assertNotEquals(await hashOf(10), hash);
});
