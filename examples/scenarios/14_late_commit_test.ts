/**
 * A commit takes so long that the client gives its connection up and commits again over another one. Later, in the midst of
 * the next transaction, the first request arrives after all. What does it commit?
 *
 * Before KIP-890 the half of the next transaction that is there: both have the same epoch, and nothing tells them apart
 * (KAFKA-17754; Jepsen found it in Kafka itself). With `transaction.version` 2 each transaction has an epoch of its own, and
 * what is late is refused.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate, TransactionRecorder, type TransactionVersion } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

/** What is visible of a transaction that was aborted, and what the checker says of it. */
async function afterLateCommit(version: TransactionVersion) {
  await using simulation = simulate({
    seed: 14,
    broker: { config: { "odradek.transaction.version": String(version) } },
  });
  const recorder = new TransactionRecorder();
  const owner = { producer: "p", transactionalId: "orders-tx", version };
  await simulation.run(async () => {
    const client = simulation.client();
    const producer = new Producer({
      ...client,
      transactionalId: "orders-tx",
      requestTimeoutMs: 1000,
    });
    await producer.initTransactions();

    const first = recorder.begins(owner);
    producer.beginTransaction();
    const whole = { ...PARTITION, value: "whole" };
    first.sends(whole).acknowledged((await producer.send(whole)).offset);
    first.asksForCommit();
    simulation.taps.hold("EndTxn", "5s", { times: 1 });
    await producer.commitTransaction(); // by its second request
    first.committed();
    first.mayBeLate("EndTxn");

    const second = recorder.begins(owner);
    producer.beginTransaction();
    const half = { ...PARTITION, value: "half" };
    second.sends(half).acknowledged((await producer.send(half)).offset);
    await new Promise<void>((resolve) => simulation.after("10s", resolve)); // the first request arrives
    await producer.abortTransaction().catch(() => {}); // before KIP-890: there is nothing left to abort
    await producer.close().catch(() => {});

    await using consumer = new Consumer({ ...client, isolationLevel: "read_committed" });
    consumer.assign([PARTITION]);
    consumer.seekToBeginning();
    for (const { value, ...record } of await consumer.poll()) {
      recorder.shows({ ...record, value: new TextDecoder().decode(value!) });
    }
  });
  return recorder;
}

Deno.test("Commit that is late is refused by transaction.version 2", async () => {
  const recorder = await afterLateCommit(2);
  assertEquals(recorder.history.committedLog.map(({ value }) => value), ["whole"]);
  assertEquals(recorder.check(), { violations: [], permitted: [] });
});

Deno.test("Commit that is late commits what the next transaction has written, before KIP-890", async () => {
  const recorder = await afterLateCommit(1);
  assertEquals(recorder.history.committedLog.map(({ value }) => value), ["whole", "half"]);
  const { violations, permitted } = recorder.check();
  assertEquals(violations, []);
  assertEquals(permitted.map(({ kind, by }) => `${kind}: ${by}`), ["aborted read: late EndTxn"]);
});
