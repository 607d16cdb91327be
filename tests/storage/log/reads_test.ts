import { assert, assertEquals } from "@std/assert";
import { appendValues, LogWorld, partitionId, recordsFrom, settle } from "./log_world.ts";

const READERS = 20;
const OPTIONS = { files: 1, shardsPerFile: 1, segmentBytes: 100_000, cacheBytesMax: 0 };
const value = "x".repeat(5_000);

/** A world whose log has old data of a partition, and a store that is asked for all of it. */
async function worldWithOldData(partitions = 1): Promise<LogWorld> {
  const world = await LogWorld.open(OPTIONS);
  for (let n = 0; n < partitions; n++) {
    const log = await world.store.open(partitionId(n));
    for (let at = 0; at < 60; at++) await appendValues(log, `${at} ${value}`);
  }
  return world;
}

/** Entries that the store was asked for while `work` was done. */
async function entriesRead(world: LogWorld, work: () => Promise<unknown>): Promise<number> {
  const before = world.read.entries;
  await work();
  return world.read.entries - before;
}

Deno.test("Many readers of one old position share the reads of the store, even when nothing is cached", async () => {
  const world = await worldWithOldData();
  const log = await world.store.open(partitionId());
  const request = { offset: 5, beforeOffset: 60, maxBytes: 150_000, minOneBatch: true };
  const one = await entriesRead(world, async () => await log.read(request));
  assert(one >= 25, `${one} entries are read`);
  const reads: unknown[] = [];
  const many = await entriesRead(world, async () => {
    reads.push(...await Promise.all(Array.from({ length: READERS }, () => log.read(request))));
  });
  assertEquals(many, one);
  for (const read of reads) assertEquals(read, reads[0]);
});

Deno.test("Readers that follow each other closely read from the cache what the first of them has brought in", async () => {
  const world = await worldWithOldData();
  world.options = { ...OPTIONS, cacheBytesMax: 10_000_000 };
  await world.restart();
  const log = await world.store.open(partitionId());
  const first = await entriesRead(world, () => recordsFrom(log));
  assert(first >= 60);
  for (let reader = 0; reader < READERS; reader++) {
    assertEquals(await entriesRead(world, () => recordsFrom(log)), 0);
  }
});

Deno.test("A read that the store keeps waiting holds up neither appends nor readers of what is in memory", async () => {
  const world = await LogWorld.open({ ...OPTIONS, cacheBytesMax: 100_000 });
  const log = await world.store.open(partitionId());
  for (let at = 0; at < 60; at++) await appendValues(log, `${at} ${value}`);
  world.readsWait = new Promise(() => {});
  let answered = false;
  Promise.resolve(log.read({ offset: 0, beforeOffset: 60, maxBytes: 1e6, minOneBatch: true }))
    .then(() => answered = true);
  assertEquals(await appendValues(log, "new"), 60);
  const tail = log.read({ offset: 60, beforeOffset: 61, maxBytes: 1e6, minOneBatch: true });
  assert(!(tail instanceof Promise), "It is there at once");
  await settle();
  assert(!answered);
});
