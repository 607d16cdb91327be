/**
 * The broker's disk is full for a minute. What do producers notice?
 *
 * Each attempt is refused, so they try again, and have to wait; consumers read on. Then everything goes on by itself.
 */
import { assert, assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

Deno.test("Producer waits out a full disk, and consumers read on meanwhile", async () => {
  await using simulation = simulate({ seed: 7 });
  const { kv } = simulation;
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    await producer.send({ ...PARTITION, value: "before" });

    kv.diskFull = true;
    simulation.after("1m", () => kv.diskFull = false);
    const sending = producer.send({ ...PARTITION, value: "during" });

    await using consumer = new Consumer(simulation.client());
    consumer.assign([PARTITION]);
    consumer.seekToBeginning();
    assertEquals((await consumer.poll()).length, 1);
    assert(simulation.nowMs < 60_000);

    assertEquals((await sending).offset, 1n);
    assert(simulation.nowMs >= 60_000);
  });
});
