/**
 * A consumer crashes in the middle of its work. Is the record lost, or worked on twice?
 *
 * That is up to the consumer: who commits before the work may lose it, who commits after it may repeat it.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate, type Simulation } from "../../testing/mod.ts";

const GROUP = { groupId: "packers", enableAutoCommit: false, autoOffsetReset: "earliest" } as const;

/** Lets a consumer take one record and crash; what the next one gets. */
async function afterCrash(simulation: Simulation, commitFirst: boolean): Promise<string> {
  await using producer = new Producer(simulation.client());
  for (const value of ["one", "two"]) await producer.send({ topic: "orders", partition: 0, value });

  const victim = simulation.process("victim");
  const { bootstrapServers } = simulation.broker;
  const first = new Consumer({ ...GROUP, environment: victim.environment, bootstrapServers });
  first.subscribe(["orders"]);
  const [{ topic, partition, offset }] = await first.poll();
  if (commitFirst) await first.commit([{ topic, partition, offset: offset + 1n }]);
  victim.kill(); // before the work is done

  const second = new Consumer({ ...simulation.client("survivor"), ...GROUP });
  second.subscribe(["orders"]);
  const [{ value }] = await second.poll(); // once the group has given up on the victim
  await second.close();
  return new TextDecoder().decode(value!);
}

Deno.test("Consumer that commits before its work loses a record when it crashes", async () => {
  await using simulation = simulate({ seed: 4 });
  assertEquals(await simulation.run(() => afterCrash(simulation, true)), "two");
});

Deno.test("Consumer that commits after its work repeats a record when it crashes", async () => {
  await using simulation = simulate({ seed: 4 });
  assertEquals(await simulation.run(() => afterCrash(simulation, false)), "one");
});
