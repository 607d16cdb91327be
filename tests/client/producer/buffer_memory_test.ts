import { assertEquals, assertRejects } from "@std/assert";
import { BufferMemory } from "../../../client/producer/buffer_memory.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

Deno.test("BufferMemory serves those who wait in order, also the small behind the large", async () => {
  const memory = new BufferMemory(new ManualEnvironment(), 100);
  assertEquals(memory.tryReserve(80), true);
  const served: string[] = [];
  memory.reserve(50, 1000).then(() => served.push("large"));
  memory.reserve(10, 1000).then(() => served.push("small"));
  assertEquals([memory.tryReserve(1), memory.isScarce], [false, true]);
  await settle();
  assertEquals(served, []);
  memory.release(40);
  await settle();
  assertEquals(served, ["large", "small"]);
  assertEquals(memory.tryReserve(1), false);
});

Deno.test("BufferMemory lets the next one in when the one before has given up", async () => {
  const environment = new ManualEnvironment();
  const memory = new BufferMemory(environment, 100);
  memory.tryReserve(80);
  const large = assertRejects(
    () => memory.reserve(50, 100),
    KafkaError,
    "No room for 50 bytes in the buffer of 100 bytes",
  );
  const small = memory.reserve(10, 1000);
  await environment.advance(100);
  await large;
  await small;
});

Deno.test("BufferMemory has room when nobody waits, counting what was announced", async () => {
  const memory = new BufferMemory(new ManualEnvironment(), 100);
  await memory.room();
  memory.announce(100);
  let hasRoom = false;
  memory.room().then(() => hasRoom = true);
  await settle();
  assertEquals(hasRoom, false);
  memory.tryReserve(50);
  memory.withdraw(100);
  await settle();
  assertEquals(hasRoom, true);
});
