/**
 * How do I make one topic of another so that each record counts exactly once, whatever breaks?
 *
 * What is written and how far was read are committed together, in a transaction. Here the worker breaks down in the middle
 * of its work: what it had written by then is stored, but nobody who reads committed records ever sees it.
 *
 * deno run examples/06_consume_transform_produce.ts
 */
import { Admin, Consumer, createBroker, FatalTransactionError, Producer } from "../mod.ts";

await using broker = await createBroker({ config: { "group.initial.rebalance.delay.ms": "0" } });
await using admin = new Admin(broker.client);
await admin.createTopics(["orders", "parcels"].map((name) => ({ name, partitions: 1 })));

await using shop = new Producer(broker.client);
for (const order of ["spool", "thread", "star"]) shop.send({ topic: "orders", value: order });
await shop.flush();

await using consumer = new Consumer({
  ...broker.client,
  groupId: "packers",
  autoOffsetReset: "earliest",
  enableAutoCommit: false, // the transaction does it
  isolationLevel: "read_committed",
});
consumer.subscribe(["orders"]);
// Whoever begins with the same id shuts out the one before, should that turn up again.
await using producer = new Producer({ ...broker.client, transactionalId: "packer-1" });
await producer.initTransactions();

let breaksDown = true;
for (let packed = 0; packed < 3;) {
  const orders = await consumer.poll();
  producer.beginTransaction();
  try {
    for (const order of orders) {
      producer.send({ topic: "parcels", value: `parcel with a ${text(order)}` });
    }
    await producer.flush();
    if (breaksDown) throw new Error("no more string");
    await producer.sendOffsetsToTransaction(consumer.offsetsToCommit(), consumer.groupMetadata());
    await producer.commitTransaction();
    packed += orders.length;
  } catch (error) {
    if (error instanceof FatalTransactionError) throw error; // somebody else is packer-1 now
    console.log(`aborted: ${error instanceof Error ? error.message : error}`);
    await producer.abortTransaction();
    consumer.seekToCommitted();
    breaksDown = false;
  }
}

for (const isolationLevel of ["read_uncommitted", "read_committed"] as const) {
  await using reader = new Consumer({ ...broker.client, isolationLevel });
  const parcels = { topic: "parcels", partition: 0 };
  reader.assign([parcels]);
  reader.seekToBeginning();
  const count = isolationLevel === "read_committed" ? 3 : 6;
  const read: string[] = [];
  while (read.length < count) read.push(...(await reader.poll()).map(text));
  console.log(`${isolationLevel}: ${read.join(", ")}`);
}

function text({ value }: { readonly value: Uint8Array | null }): string {
  return new TextDecoder().decode(value ?? undefined);
}
