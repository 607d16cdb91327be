/**
 * A worker hangs in the middle of a transaction, is taken for dead, and wakes up again. What becomes of what it goes on to
 * write beside its successor?
 *
 * The successor has the same transactional id, and so the next epoch of it. Whatever bears an earlier one is refused, by the
 * coordinator and by each partition: the zombie learns that it is one.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { Consumer, FatalTransactionError, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

Deno.test("Worker that wakes up beside its successor cannot commit, nor add to what that has committed", async () => {
  await using simulation = simulate({ seed: 12 });
  const { bootstrapServers } = simulation.broker;
  const [sleeper, successor] = ["sleeper", "successor"].map((name) => simulation.process(name));
  await simulation.run(async () => {
    const target = { topic: "parcels", partition: 0 };
    const zombie = new Producer({
      environment: sleeper.environment,
      bootstrapServers,
      transactionalId: "packer",
    });
    await zombie.initTransactions();
    zombie.beginTransaction();
    await zombie.send({ ...target, value: "half a parcel" });
    sleeper.pause();

    await using producer = new Producer({
      environment: successor.environment,
      bootstrapServers,
      transactionalId: "packer",
    });
    await producer.initTransactions(); // aborts what was open
    producer.beginTransaction();
    await producer.send({ ...target, value: "a parcel" });
    await producer.commitTransaction();

    sleeper.resume();
    zombie.send({ ...target, value: "the other half" });
    const end = await assertRejects(async () => {
      await zombie.commitTransaction().catch(() => zombie.abortTransaction());
    }, FatalTransactionError);
    assertEquals(end.kind, "PRODUCER_FENCED");
    await zombie.close();

    await using consumer = new Consumer({
      ...simulation.client(),
      isolationLevel: "read_committed",
    });
    consumer.assign([target]);
    consumer.seekToBeginning();
    const records = await consumer.poll();
    assertEquals(records.map(({ value }) => new TextDecoder().decode(value!)), ["a parcel"]);
    assertEquals(await consumer.poll({ timeoutMs: 5000 }), []);
  });
});
