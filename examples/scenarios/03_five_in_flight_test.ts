/**
 * Five requests may be under way at a time. What becomes of the order when the first of them fails and is sent again?
 *
 * Without idempotence the others overtake it. With idempotence the broker turns down whatever comes before its turn.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

for (
  const [enableIdempotence, order] of [
    [true, ["0", "1", "2", "3"]],
    [false, ["0", "2", "3", "1"]],
  ] as const
) {
  const kind = enableIdempotence ? "with" : "without";
  Deno.test(`Records come in the order ${order} of a producer ${kind} idempotence`, async () => {
    await using simulation = simulate({ seed: 3 });
    await simulation.run(async () => {
      await using producer = new Producer({
        ...simulation.client(),
        enableIdempotence,
        lingerMs: 0,
      });
      await producer.send({ ...PARTITION, value: "0" });

      simulation.taps.answer("Produce", "NOT_LEADER_OR_FOLLOWER"); // the next one only
      const sent: Promise<unknown>[] = [];
      for (const value of ["1", "2", "3"]) {
        sent.push(producer.send({ ...PARTITION, value }));
        await pause(); // so that each goes in a request of its own
      }
      await Promise.all(sent);

      await using consumer = new Consumer(simulation.client());
      consumer.assign([PARTITION]);
      consumer.seekToBeginning();
      const values: string[] = [];
      while (values.length < 4) {
        for (const { value } of await consumer.poll()) {
          values.push(new TextDecoder().decode(value!));
        }
      }
      assertEquals(values, [...order]);
    });

    function pause(): Promise<void> {
      return new Promise((resolve) => simulation.after("0.01ms", resolve));
    }
  });
}
