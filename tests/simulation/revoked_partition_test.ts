/** What a consumer has given up it reads no more. */
import { assertEquals } from "@std/assert";
import { Admin, Consumer, Producer } from "../../client/mod.ts";
import { simulate } from "../../testing/mod.ts";

Deno.test("Consumer returns no record of a partition that was taken from it while it connected to fetch from it", async () => {
  await using simulation = simulate({ seed: 173 });
  await simulation.run(async () => {
    const client = simulation.client();
    await using admin = new Admin(client);
    await admin.createTopics([{ name: "orders", partitions: 2 }]);
    const [taken, kept] = [0, 1].map((partition) => ({ topic: "orders", partition }));
    await using producer = new Producer(client);
    await producer.send({ ...taken, value: "another's by now" });
    await producer.send({ ...kept, value: "its own" });

    await using consumer = new Consumer(client);
    consumer.assign([taken]);
    consumer.seek(taken, 0n);
    await consumer.endOffsets([taken, kept]); // it knows the leader, and has no connection for fetches yet
    await consumer.poll({ timeoutMs: 0 });
    consumer.assign([kept]);
    consumer.seek(kept, 0n);
    const partitions: number[] = [];
    for (let polls = 0; polls < 5; polls++) {
      const records = await consumer.poll({ timeoutMs: 200 });
      partitions.push(...records.map(({ partition }) => partition));
    }
    assertEquals(partitions, [1]);
  });
});
