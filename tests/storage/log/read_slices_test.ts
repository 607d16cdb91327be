import { assert, assertEquals } from "@std/assert";
import { ReadSlices } from "../../../storage/log/read_slices.ts";
import { batchesIn } from "../../../protocol/records/batches.ts";
import { Random } from "../../protocol/random_message.ts";
import { batchOf, joined, LogWorld, partitionId, startAppend } from "./log_world.ts";

const KB = 1024;

function concat(slices: readonly Uint8Array[]): Uint8Array {
  return joined({ slices, bytes: 0, nextOffset: 0 });
}

/** What stays in memory as long as somebody has these slices. */
function heldBytes(slices: readonly Uint8Array[]): number {
  const buffers = new Set(slices.map(({ buffer }) => buffer));
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

Deno.test("Read slices are what was added, in order, and hold at most twice as much", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const slices = new ReadSlices();
    const added: Uint8Array[] = [];
    for (let chunk = random.below(30); chunk >= 0; chunk--) {
      const bytes = new Uint8Array(1 + random.below(64 * KB)).fill(1 + random.below(255));
      const stretches = 1 + random.below(4);
      for (let n = 0, at = 0; n < stretches && at < bytes.length; n++) {
        const start = at + (random.below(2) === 0 ? 0 : random.below(bytes.length - at));
        const end = start + 1 + random.below(bytes.length - start);
        bytes[start] = random.below(256);
        slices.add(bytes, start, end);
        added.push(bytes.slice(start, end));
        at = end;
      }
    }
    const given = slices.finish();
    const bytes = concat(added);
    assertEquals(concat(given), bytes, `seed ${seed}`);
    assert(heldBytes(given) <= 2 * bytes.length, `seed ${seed}`);
  }
});

Deno.test("Read slices are views of chunks that are given nearly whole", () => {
  const chunks = [1, 2, 3].map((n) => new Uint8Array(64 * KB).fill(n));
  const slices = new ReadSlices();
  for (const chunk of chunks) {
    for (let at = 16; at < 60 * KB; at += KB) slices.add(chunk, at, at + KB);
  }
  const given = slices.finish();
  assertEquals(given.map(({ buffer }) => buffer), chunks.map(({ buffer }) => buffer));
});

Deno.test("Read slices are one copy of short stretches of many chunks", () => {
  const slices = new ReadSlices();
  for (let n = 0; n < 12; n++) slices.add(new Uint8Array(64 * KB), 100, 1_000);
  assertEquals(slices.finish().map(({ buffer }) => buffer.byteLength), [12 * 900]);
});

Deno.test("Read slices are none when nothing was added", () => {
  assertEquals(new ReadSlices().finish(), []);
});

for (const from of ["memory", "the store"] as const) {
  Deno.test(`A read from ${from} of a partition among hundreds in each chunk holds no more than twice what it gives`, async () => {
    const cacheBytesMax = from === "memory" ? 2 ** 30 : 0;
    const world = await LogWorld.open({ files: 1, shardsPerFile: 1, cacheBytesMax });
    const logs = await Promise.all(
      Array.from({ length: 200 }, (_, n) => world.store.open(partitionId(n))),
    );
    const batches = Array.from({ length: 20 }, (_, n) => batchOf([new Uint8Array(800).fill(n)]));
    for (const batch of batches) {
      await Promise.all(logs.map((log) => startAppend(log, batch).outcome));
    }
    const request = { offset: 3, beforeOffset: 20, maxBytes: 200_000, minOneBatch: true };
    const { slices, bytes } = await logs[7].read(request);
    assertEquals(
      [...batchesIn(slices, "refuse")].map(({ header }) => header.baseOffset),
      [
        ...batches.keys(),
      ].slice(3),
    );
    assertEquals(bytes, concat(slices).length);
    assert(heldBytes(slices) <= 2 * bytes, `${bytes} bytes hold ${heldBytes(slices)}`);
  });
}
