/**
 * A consumer loses power. How long do its partitions lie idle?
 *
 * Nobody says goodbye for it, so its group waits out the session: 45 s by default. That takes no time here.
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const GROUP = { groupId: "packers", autoOffsetReset: "earliest" } as const;

Deno.test("Group gives a vanished member's partitions away when its session is over", async () => {
  await using simulation = simulate({ seed: 8 });
  const { broker } = simulation;
  const { bootstrapServers } = broker;
  const [victim, survivor] = ["victim", "survivor"].map((name) => simulation.process(name));
  await simulation.run(async () => {
    const first = new Consumer({ ...GROUP, environment: victim.environment, bootstrapServers });
    first.subscribe(["orders"]);
    await using producer = new Producer(simulation.client());
    await producer.send({ topic: "orders", partition: 0, value: "one" });
    assertEquals((await first.poll()).length, 1);

    victim.kill("silent");
    const killedAtMs = simulation.nowMs;
    const second = new Consumer({ ...GROUP, environment: survivor.environment, bootstrapServers });
    second.subscribe(["orders"]);
    assertEquals((await second.poll()).length, 1); // nothing was committed: it begins anew
    assertAlmostEquals(simulation.nowMs - killedAtMs, 45_000, 5_000);
    await second.close();
  });
  const states = broker.groupHistory.map(({ to }) => to);
  assertEquals(states.filter((state, at) => state !== states[at - 1]), [
    "Empty",
    ...["PreparingRebalance", "CompletingRebalance", "Stable"], // the victim alone
    ...["PreparingRebalance", "CompletingRebalance", "Stable"], // the survivor alone
    "Empty",
  ]);
});
