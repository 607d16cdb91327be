/** What is closed is gone: nothing of it keeps a process alive. */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../client/mod.ts";
import { simulate } from "../../testing/mod.ts";

Deno.test("Broker that has coordinated a group leaves no timer behind when it is closed", async () => {
  await using simulation = simulate({ seed: 1 });
  const { broker } = simulation;
  await simulation.run(async () => {
    const producer = new Producer(simulation.client("producer"));
    await producer.send({ topic: "orders", value: "a spool" });
    const consumer = new Consumer({
      ...simulation.client("consumer"),
      groupId: "packers",
      autoOffsetReset: "earliest",
    });
    consumer.subscribe(["orders"]);
    assertEquals((await consumer.poll()).length, 1);
    await Promise.all([producer.close(), consumer.close()]);
    await broker.running!.close();
  });
  await simulation.advance("1s");
  const left = simulation.processes().filter(({ pendingTimers }) => pendingTimers > 0);
  assertEquals(left.map(({ name, pendingTimers }) => `${name}: ${pendingTimers}`), []);
});
