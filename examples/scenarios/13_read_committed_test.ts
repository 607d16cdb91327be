/**
 * A transaction is open, or was aborted. Who reads what it wrote?
 *
 * Under read_uncommitted, the default of most consumers, everybody and at once. Under read_committed nobody, ever; and while
 * it is open it holds back what stands behind it in the partition, whoever wrote that.
 */
import { assertEquals } from "@std/assert";
import { Consumer, type IsolationLevel, Producer } from "../../client/mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

Deno.test("Aborted records are hidden under read_committed, and so is what stands behind an open transaction", async () => {
  await using simulation = simulate({ seed: 13 });
  const client = simulation.client();
  const values = async (isolationLevel: IsolationLevel) => {
    await using consumer = new Consumer({ ...client, isolationLevel });
    consumer.assign([PARTITION]);
    consumer.seekToBeginning();
    const records = await consumer.poll({ timeoutMs: 1000 });
    return records.map(({ value }) => new TextDecoder().decode(value!));
  };
  await simulation.run(async () => {
    await using producer = new Producer({ ...client, transactionalId: "orders-tx" });
    await using other = new Producer(client);
    await producer.initTransactions();
    producer.beginTransaction();
    await producer.send({ ...PARTITION, value: "a mistake" });
    await other.send({ ...PARTITION, value: "3 spools" }); // outside of any transaction

    assertEquals(await values("read_uncommitted"), ["a mistake", "3 spools"]);
    assertEquals(await values("read_committed"), []);

    await producer.abortTransaction();
    assertEquals(await values("read_uncommitted"), ["a mistake", "3 spools"]);
    assertEquals(await values("read_committed"), ["3 spools"]);
  });
  const states = simulation.broker.transactionHistory.map(({ to }) => to);
  assertEquals(states, ["Empty", "Ongoing", "PrepareAbort", "CompleteAbort"]);
});
