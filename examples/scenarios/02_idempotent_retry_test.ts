/**
 * A batch was stored, and its answer got lost. What does the producer's second attempt do?
 *
 * An idempotent producer numbers its batches, so the broker knows the second attempt for what it is. Without numbers it is
 * just another batch.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

for (const [enableIdempotence, stored] of [[true, 1n], [false, 2n]] as const) {
  const kind = enableIdempotence ? "with" : "without";
  Deno.test(`Lost answer leaves ${stored} records of a producer ${kind} idempotence`, async () => {
    await using simulation = simulate({ seed: 2 });
    await simulation.run(async () => {
      await using producer = new Producer({ ...simulation.client(), enableIdempotence });
      simulation.taps.loseAnswer("Produce");
      await producer.send({ ...PARTITION, value: "one order" });

      await using consumer = new Consumer(simulation.client());
      const [end] = await consumer.endOffsets([PARTITION]);
      assertEquals(end.offset, stored);
    });
  });
}
