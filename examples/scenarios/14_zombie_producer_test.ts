/**
 * A worker stands still in the midst of a transaction, and a successor with its transactional id takes over. Then it wakes
 * up. What becomes of its half-done work?
 *
 * It is aborted before the successor begins. Whatever the zombie tries is refused: the id has a later epoch by then.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { Consumer, FatalTransactionError, Producer } from "../../client/mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

Deno.test("Zombie producer commits nothing once another one has its transactional id", async () => {
  await using simulation = simulate({ seed: 14 });
  const { bootstrapServers } = simulation.broker;
  const worker = (name: string) => {
    const process = simulation.process(name);
    const { environment } = process;
    const producer = new Producer({ environment, bootstrapServers, transactionalId: "worker-1" });
    return { process, producer };
  };
  await simulation.run(async () => {
    const zombie = worker("zombie");
    await zombie.producer.initTransactions();
    zombie.producer.beginTransaction();
    await zombie.producer.send({ ...PARTITION, value: "half" });
    zombie.process.pause();

    const successor = worker("successor");
    await successor.producer.initTransactions();
    successor.producer.beginTransaction();
    await successor.producer.send({ ...PARTITION, value: "whole" });
    await successor.producer.commitTransaction();

    zombie.process.resume();
    await assertRejects(() => zombie.producer.commitTransaction(), FatalTransactionError);

    await using consumer = new Consumer({
      ...simulation.client(),
      isolationLevel: "read_committed",
    });
    consumer.assign([PARTITION]);
    consumer.seekToBeginning();
    const values = (await consumer.poll()).map(({ value }) => new TextDecoder().decode(value!));
    assertEquals(values, ["whole"]);
    await Promise.all([zombie, successor].map(({ producer }) => producer.close()));
  });
  assertEquals(
    simulation.broker.transactionHistory.map(({ to, reason }) => `${to}: ${reason}`),
    [
      "Empty: a producer begins",
      "Ongoing: the producer adds partitions",
      "PrepareAbort: a producer begins",
      "CompleteAbort: markers are written",
      "Empty: a producer begins",
      "Ongoing: the producer adds partitions",
      "PrepareCommit: the producer commits",
      "CompleteCommit: markers are written",
    ],
  );
});
