import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertThrows } from "@std/assert";
import { Consumer, Producer } from "../../../../client/mod.ts";
import { simulate, type Simulation } from "../../../../testing/mod.ts";

const PARTITION = { topic: "orders", partition: 0 };

/** Sends a record, and returns how many virtual milliseconds it took. */
async function timeOfSend(simulation: Simulation, producer: Producer): Promise<number> {
  const startMs = simulation.nowMs;
  await producer.send({ ...PARTITION, value: "x" });
  return simulation.nowMs - startMs;
}

async function recordsOf(simulation: Simulation): Promise<bigint> {
  await using consumer = new Consumer(simulation.client("counter"));
  return (await consumer.endOffsets([PARTITION]))[0].offset;
}

Deno.test("Tap answers the next request in the broker's place, and no other", async () => {
  await using simulation = simulate({ seed: 1 });
  simulation.taps.answer("Produce", "KAFKA_STORAGE_ERROR");
  const options = { ...simulation.client(), enableIdempotence: false, retries: 0 };
  await simulation.run(async () => {
    await using producer = new Producer(options);
    const error = await producer.send({ ...PARTITION, value: "a" }).catch((error) => error);
    assertEquals(error.kind, "KAFKA_STORAGE_ERROR");
    assertEquals((await producer.send({ ...PARTITION, value: "b" })).offset, 0n);
  });
});

Deno.test("Tap's answer waits for those that are due before it", async () => {
  await using simulation = simulate({ seed: 2 });
  await simulation.run(async () => {
    await using producer = new Producer({ ...simulation.client(), lingerMs: 0 });
    await producer.send({ ...PARTITION, value: "warm" });
    const first = producer.send({ ...PARTITION, value: "a" });
    simulation.taps.answer("Produce", "NOT_LEADER_OR_FOLLOWER", { times: 2 });
    const second = producer.send({ ...PARTITION, value: "b" });
    assertEquals([(await first).offset, (await second).offset], [1n, 2n]);
  });
});

Deno.test("Tap holds requests back until it is let go", async () => {
  await using simulation = simulate({ seed: 3 });
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    assertLess(await timeOfSend(simulation, producer), 1000);
    const letGo = simulation.taps.hold("Produce", "5s");
    assertGreaterOrEqual(await timeOfSend(simulation, producer), 5000);
    letGo();
    assertLess(await timeOfSend(simulation, producer), 1000);
  });
});

Deno.test("Tap loses an answer: the request was carried out, and an idempotent producer repeats it", async () => {
  await using simulation = simulate({ seed: 4 });
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    simulation.taps.loseAnswer("Produce");
    assertEquals((await producer.send({ ...PARTITION, value: "a" })).offset, 0n);
    assertEquals(await recordsOf(simulation), 1n);
  });
});

Deno.test("Tap is for one process if it is asked so", async () => {
  await using simulation = simulate({ seed: 5 });
  const [slow, quick] = [simulation.process("slow"), simulation.process("quick")];
  const { bootstrapServers } = simulation.broker;
  simulation.taps.hold("Produce", "5s", { from: slow });
  await simulation.run(async () => {
    await using held = new Producer({ environment: slow.environment, bootstrapServers });
    await using free = new Producer({ environment: quick.environment, bootstrapServers });
    assertLess(await timeOfSend(simulation, free), 1000);
    assertGreaterOrEqual(await timeOfSend(simulation, held), 5000);
  });
});

Deno.test("Observer sees each request and its answer, from the moment it begins", async () => {
  await using simulation = simulate({ seed: 6 });
  const asked: number[] = [];
  const answered: number[] = [];
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    await producer.send({ ...PARTITION, value: "a" });
    const stop = simulation.taps.observe({
      asked: ({ header, from }) => from.name === "client" && asked.push(header.apiKey),
      answered: () => answered.push(1),
    });
    await producer.send({ ...PARTITION, value: "b" });
    stop();
    await producer.send({ ...PARTITION, value: "c" });
  });
  assertEquals(asked, [0]);
  assertEquals(answered.length, 1);
});

Deno.test("Tap on an API that does not exist is refused", () => {
  const { taps } = simulate({ seed: 7 });
  assert(assertThrows(() => taps.hold("Produze", "1s"), RangeError).message.includes("Produze"));
});
