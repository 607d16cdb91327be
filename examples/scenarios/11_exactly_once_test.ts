/**
 * A worker reads orders and writes parcels, and crashes between the two. How does each order become exactly one parcel?
 *
 * Parcels and the position up to which orders were read go into one transaction: both count, or neither does. A worker that
 * takes over begins where the last committed transaction ended. Who reads parcels must want committed ones only.
 */
import { assertEquals } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate, type SimulatedProcess, type Simulation } from "../../testing/mod.ts";

const ORDERS = ["one", "two", "three"];

/** Makes parcels of orders, one transaction for each, until it is killed or has made as many as it should. */
async function work(
  simulation: Simulation,
  { environment }: SimulatedProcess,
  { parcels, beforeCommit }: { parcels: number; beforeCommit?: (made: number) => void },
): Promise<void> {
  const { bootstrapServers } = simulation.broker;
  const common = { environment, bootstrapServers };
  await using consumer = new Consumer({
    ...common,
    groupId: "packers",
    enableAutoCommit: false,
    autoOffsetReset: "earliest",
    maxPollRecords: 1,
  });
  await using producer = new Producer({ ...common, transactionalId: "packer" });
  await producer.initTransactions(); // whatever the one before it had open is aborted
  consumer.subscribe(["orders"]);
  for (let made = 0; made < parcels;) {
    for (const { value } of await consumer.poll()) {
      producer.beginTransaction();
      await producer.send({ topic: "parcels", partition: 0, value });
      await producer.sendOffsetsToTransaction(consumer.offsetsToCommit(), consumer.groupMetadata());
      made++;
      beforeCommit?.(made);
      await producer.commitTransaction();
    }
  }
}

/** The parcels that somebody sees who reads from the start. */
async function parcelsOf(
  simulation: Simulation,
  isolationLevel: "read_committed" | "read_uncommitted",
): Promise<string[]> {
  const target = { topic: "parcels", partition: 0 };
  await using consumer = new Consumer({ ...simulation.client(), isolationLevel });
  consumer.assign([target]);
  consumer.seekToBeginning();
  const [end] = await consumer.endOffsets([target]);
  const parcels: string[] = [];
  while (await consumer.position(target) < end.offset) {
    for (const { value } of await consumer.poll({ timeoutMs: 100 })) {
      parcels.push(new TextDecoder().decode(value!));
    }
  }
  return parcels;
}

Deno.test("Order becomes one parcel although its worker crashed before the commit", async () => {
  await using simulation = simulate({ seed: 11 });
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    for (const value of ORDERS) await producer.send({ topic: "orders", partition: 0, value });

    const victim = simulation.process("worker");
    await new Promise<void>((resolve) => {
      const beforeCommit = (made: number) => {
        if (made < 2) return;
        victim.kill("silent"); // it has written "two", and not committed
        resolve();
      };
      work(simulation, victim, { parcels: 3, beforeCommit });
    });
    await work(simulation, simulation.process("worker"), { parcels: 2 }); // "two" and "three"

    assertEquals(await parcelsOf(simulation, "read_committed"), ORDERS);
    assertEquals(await parcelsOf(simulation, "read_uncommitted"), ["one", "two", "two", "three"]);
  });
});
