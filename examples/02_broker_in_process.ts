/**
 * How do I use a broker inside my own process, without a port?
 *
 * deno run examples/02_broker_in_process.ts
 */
import { Admin, Consumer, createBroker, Producer } from "../mod.ts";

await using broker = await createBroker({ data: "memory:" });

await using admin = new Admin(broker.client);
await admin.createTopics([{ name: "orders", partitions: 3 }]);

await using producer = new Producer(broker.client);
for (const customer of ["ada", "bob", "ada"]) {
  const { partition, offset } = await producer.send({
    topic: "orders",
    key: customer,
    value: "a spool",
  });
  console.log(`${customer} → partition ${partition}, offset ${offset}`);
}

await using consumer = new Consumer(broker.client);
consumer.assign([0, 1, 2].map((partition) => ({ topic: "orders", partition })));
consumer.seekToBeginning();
const text = new TextDecoder();
for (let left = 3; left > 0;) {
  for (const { partition, offset, key, value } of await consumer.poll()) {
    console.log(`${partition}@${offset}: ${text.decode(key!)} wants ${text.decode(value!)}`);
    left--;
  }
}
