/**
 * The producer gave up after its delivery timeout. So the record was not stored?
 *
 * Nobody knows: a timeout tells of an answer that did not come. Here the record was stored, and only the way back was cut.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { Consumer, Producer } from "../../mod.ts";
import { simulate } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

Deno.test("Record may be stored although its producer was told of a timeout", async () => {
  await using simulation = simulate({ seed: 5 });
  const { broker, network } = simulation;
  const client = simulation.process("producer");
  await simulation.run(async () => {
    const producer = new Producer({
      environment: client.environment,
      bootstrapServers: broker.bootstrapServers,
      requestTimeoutMs: 1000,
      deliveryTimeoutMs: 3000,
    });
    await producer.send({ ...PARTITION, value: "heard of" });
    network.partitionOneWay(broker.process, client); // requests arrive, answers do not
    await assertRejects(() => producer.send({ ...PARTITION, value: "unheard of" }));

    await using consumer = new Consumer(simulation.client());
    const [end] = await consumer.endOffsets([PARTITION]);
    assertEquals(end.offset, 2n);
    network.heal();
    await producer.close(0);
  });
});
