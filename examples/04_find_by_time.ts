/**
 * How do I find the records since a point in time?
 *
 * deno run examples/04_find_by_time.ts
 */
import { Admin, Consumer, createBroker, Producer } from "../mod.ts";

await using broker = await createBroker({
  // The records below are from 2024: by default a broker takes any age, but nothing of more than an hour ahead.
  config: { "log.message.timestamp.after.max.ms": "3600000" },
});
await using admin = new Admin(broker.client);
await admin.createTopics([{ name: "readings", partitions: 1 }]);

await using producer = new Producer(broker.client);
const midnight = Date.UTC(2024, 5, 1);
const hourMs = 60 * 60 * 1000;
for (let hour = 0; hour < 24; hour++) {
  await producer.send({
    topic: "readings",
    value: `${15 + hour % 12} °C`,
    timestampMs: midnight + hour * hourMs,
  });
}

await using consumer = new Consumer(broker.client);
const readings = { topic: "readings", partition: 0 };
consumer.assign([readings]);
consumer.seekToTime(midnight + 20 * hourMs);
console.log(`20:00 is at offset ${await consumer.position(readings)}`);
const text = new TextDecoder();
for (const { timestampMs, value } of await consumer.poll()) {
  console.log(`${new Date(timestampMs).toISOString()}  ${text.decode(value!)}`);
}
