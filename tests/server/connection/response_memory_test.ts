import { assert, assertEquals } from "@std/assert";
import { ResponseMemory } from "../../../server/connection/response_memory.ts";

const KB = 1024;
const MB = 1024 * KB;

Deno.test("ResponseMemory gives an answer a quarter of what is left, and no more than is wanted", () => {
  const memory = new ResponseMemory(40 * MB, () => {});
  assertEquals(memory.share().take(MB), MB);
  assertEquals(memory.share().take(100 * MB), 39 * MB / 4);
});

Deno.test("ResponseMemory is shared by answers that are being made at the same time", () => {
  const memory = new ResponseMemory(40 * MB, () => {});
  const shares = Array.from({ length: 100 }, () => memory.share());
  const taken = shares.map((share) => share.take(8 * MB));
  assertEquals(taken[0], 8 * MB);
  const shared = taken.reduce((sum, bytes) => sum + bytes);
  assertEquals(memory.sharedBytes, shared);
  assert(shared <= 40 * MB + 100 * 64 * KB, `${shared} bytes`);
  assertEquals(taken.at(-1), 64 * KB);
  assert(memory.exhausted);
  assert(!memory.contested, "no client is let go because others are read for");
  for (const share of shares) share.release();
  shares[0].release();
  assertEquals(memory.sharedBytes, 0);
});

Deno.test("ResponseMemory counts of an answer what it has come to have", () => {
  const memory = new ResponseMemory(MB, () => {});
  const share = memory.share();
  share.take(200 * KB);
  share.use(3 * MB); // one batch, however large
  assertEquals([memory.sharedBytes, memory.exhausted], [3 * MB, true]);
  share.use(10 * KB);
  assertEquals([memory.sharedBytes, memory.exhausted], [10 * KB, false]);
  assertEquals(share.take(MB), MB / 4, "its own is not in its way");
});

Deno.test("ResponseMemory tells once that clients have to read", () => {
  let told = 0;
  const memory = new ResponseMemory(MB, () => told++);
  for (let n = 0; n < 3; n++) memory.add(400 * KB);
  assertEquals([memory.heldBytes, told], [1200 * KB, 1]);
  for (let n = 0; n < 3; n++) memory.remove(400 * KB);
  assertEquals([memory.heldBytes, memory.contested], [0, false]);
});
