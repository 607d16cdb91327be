import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { Consumer, Producer } from "../../client/mod.ts";
import { simulate, SimulatedBroker, type Simulation } from "../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

function producerOf(simulation: Simulation, { bootstrapServers }: SimulatedBroker): Producer {
  const { environment } = simulation.process("producer");
  return new Producer({ environment, bootstrapServers, requestTimeoutMs: 1000 });
}

/** The values of all records, as somebody reads them who starts now. */
async function valuesOf(
  simulation: Simulation,
  { bootstrapServers }: SimulatedBroker,
  count: number,
): Promise<string[]> {
  const { environment } = simulation.process("consumer");
  await using consumer = new Consumer({ environment, bootstrapServers });
  consumer.assign([PARTITION]);
  consumer.seekToBeginning();
  const values: string[] = [];
  while (values.length < count) {
    for (const { value } of await consumer.poll()) values.push(new TextDecoder().decode(value!));
  }
  return values;
}

Deno.test("Simulated broker keeps over a kill what it has acknowledged", async () => {
  await using simulation = simulate({ seed: 1 });
  const broker = new SimulatedBroker(simulation);
  const producer = producerOf(simulation, broker);
  await simulation.run(async () => {
    await producer.send({ ...PARTITION, value: "before" });
    broker.restart("silent");
    await producer.send({ ...PARTITION, value: "after" });
    assertEquals(await valuesOf(simulation, broker, 2), ["before", "after"]);
  });
  assertEquals(broker.process.name, "broker#2");
  assertEquals(broker.running!.topicsFound, 1);
});

Deno.test("Simulated broker that is down answers nobody until it is started again", async () => {
  await using simulation = simulate({ seed: 2 });
  const broker = new SimulatedBroker(simulation);
  await simulation.until(() => broker.running !== null);
  broker.kill();
  assertEquals(broker.running, null);
  let sent = false;
  const producer = producerOf(simulation, broker);
  producer.send({ ...PARTITION, value: "x" }).then(() => sent = true);
  await simulation.advance("30s");
  assert(!sent);
  broker.restart();
  await simulation.until(() => sent, { within: "5s" });
});

Deno.test("Simulated broker that cannot start is started again until it can", async () => {
  await using simulation = simulate({ seed: 3 });
  const store = simulation.store();
  store.diskFull = true;
  const broker = new SimulatedBroker(simulation);
  await simulation.advance("10s");
  assertEquals(broker.running, null);
  store.diskFull = false;
  await simulation.until(() => broker.running !== null, { within: "2s" });
});

Deno.test("Simulated zombie finds itself replaced, writes nothing and steps down", async () => {
  await using simulation = simulate({ seed: 4 });
  const broker = new SimulatedBroker(simulation);
  const producer = producerOf(simulation, broker);
  await simulation.run(() => producer.send({ ...PARTITION, value: "first" }));
  const zombie = broker.replace();
  assertNotEquals(broker.process, zombie);
  await simulation.until(() => broker.running !== null);
  let tried = 0;
  simulation.kv.observe((_, from) => {
    if (from === zombie) tried++;
  });
  zombie.resume();

  await simulation.run(async () => {
    await producer.send({ ...PARTITION, value: "second" }); // over the connection to the zombie at first
    assertEquals(await valuesOf(simulation, broker, 2), ["first", "second"]);
  }, { within: "10s" });
  assertGreater(tried, 0);
  assertEquals(simulation.faults.of("kv conflict"), tried); // all that it tried was turned down
  await simulation.advance("1m");
  assertEquals(zombie.pendingTimers, 0);
  assertEquals(await simulation.kv.audit(), []);
});

Deno.test("Takeover is told of when the one that had the store lives, not when it is dead", async () => {
  await using simulation = simulate({ seed: 5 });
  const broker = new SimulatedBroker(simulation);
  const told: string[] = [];
  simulation.kv.onTakeover(({ name }) => told.push(name));
  const isRunning = () => simulation.until(() => broker.running !== null);
  await isRunning();
  broker.restart();
  await isRunning();
  assertEquals(told, []);
  broker.replace();
  await isRunning();
  assertEquals(new Set(told), new Set(["broker#2"]));
  assertGreater(told.length, 1); // the metadata, and each shard
});
