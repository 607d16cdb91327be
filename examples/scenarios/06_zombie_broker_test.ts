/**
 * A broker seemed dead, and a successor took its data over. Then it wakes up, and has not noticed. What can it break?
 *
 * Nothing: each of its commits checks that it is still the last writer. What it cannot commit it does not acknowledge.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

Deno.test("Zombie broker writes nothing", async () => {
  await using simulation = simulate({ seed: 6 });
  const { broker } = simulation;
  await simulation.run(async () => {
    await using producer = new Producer({ ...simulation.client(), requestTimeoutMs: 1000 });
    await producer.send({ ...PARTITION, value: "to the first" });

    const zombie = broker.replace(); // paused; its connections stay open
    const sending = producer.send({ ...PARTITION, value: "to whom?" });
    simulation.after("500ms", () => zombie.resume());
    assertEquals((await sending).offset, 1n);

    await using consumer = new Consumer(simulation.client());
    const [end] = await consumer.endOffsets([PARTITION]);
    assertEquals(end.offset, 2n);
  });
  simulation.broker.restart();
  await simulation.advance("10s");
  assertEquals(await simulation.kv.audit(), []); // and left nothing behind
});
