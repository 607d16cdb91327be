/**
 * What does an acknowledgement promise when the broker is killed?
 *
 * With acks=all everything: what was acknowledged is there afterwards. With acks=0 the producer hears nothing, so it takes
 * a record for sent that no broker ever saw.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const safe = { topic: "safe", partition: 0 };
const hopeful = { topic: "hopeful", partition: 0 };

Deno.test("Record acknowledged with acks=all survives a kill, one sent with acks=0 may not", async () => {
  await using simulation = simulate({ seed: 1 });
  await simulation.run(async () => {
    await using careful = new Producer({ ...simulation.client(), acks: "all" });
    await using careless = new Producer({
      ...simulation.client(),
      acks: 0,
      enableIdempotence: false,
    });
    await careful.send({ ...safe, value: "acknowledged" });
    const { offset } = await careless.send({ ...hopeful, value: "sent" });
    assertEquals(offset, -1n); // nobody said where it is

    simulation.broker.kill("silent"); // its host loses power
    simulation.after("1s", () => simulation.broker.restart());

    await using consumer = new Consumer(simulation.client());
    const ends = await consumer.endOffsets([safe, hopeful]);
    assertEquals(ends.map(({ offset }) => offset), [1n, 0n]);
  });
});
