import { assert, assertEquals, assertRejects } from "@std/assert";
import { ByteWriter } from "../../../storage/log/binary.ts";
import { FORMAT_KEY } from "../../../storage/log/keys.ts";
import { LogFormatError } from "../../../storage/log/format_record.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { key } from "../../../storage/kv/key.ts";
import { openLogStore } from "../../../storage/log/log_store.ts";
import {
  appendValues,
  batchOf,
  environmentOf,
  LogWorld,
  partitionId,
  recordsFrom,
  startAppend,
} from "./log_world.ts";

const open = (disk: MemoryDisk) =>
  openLogStore({ folder: disk.openFolder(), environment: environmentOf(1) });

Deno.test("A log of an unknown format is refused with folder, found and supported version", async () => {
  const disk = new MemoryDisk();
  const writer = new ByteWriter();
  writer.uint8(0x0d);
  writer.varint(7);
  const kv = await disk.openFolder().open("log-0");
  await kv.commit({ sets: [{ key: FORMAT_KEY, value: writer.toBytes() }] });
  const error = await assertRejects(() => open(disk), LogFormatError);
  assertEquals(
    error.message,
    'Cannot open the log in "memory:": it has log format 7, this program supports log format 1',
  );
});

Deno.test("A store with something else in it is refused", async () => {
  for (const value of [Uint8Array.of(1, 2, 3), new Uint8Array(0)]) {
    const disk = new MemoryDisk();
    const kv = await disk.openFolder().open("log-0");
    await kv.commit({ sets: [{ key: FORMAT_KEY, value }] });
    await assertRejects(() => open(disk), LogFormatError, "unreadable");
  }
  const disk = new MemoryDisk();
  const kv = await disk.openFolder().open("log-0");
  await kv.commit({ sets: [{ key: key("other"), value: new Uint8Array(1) }] });
  await assertRejects(() => open(disk), LogFormatError, "without a format record");
});

Deno.test("A log keeps the number of shards that it was made with", async () => {
  const world = await LogWorld.open({ files: 2, shardsPerFile: 3 });
  for (let n = 0; n < 12; n++) await appendValues(await world.store.open(partitionId(n)), `${n}`);
  Object.assign(world.options, { files: 1, shardsPerFile: 1 });
  await world.restart();
  for (let n = 0; n < 12; n++) {
    assertEquals(await recordsFrom(await world.store.open(partitionId(n))), [[0, `${n}`]]);
  }
});

Deno.test("The cache stays within its budget, and readers who wait for the same chunk share one read", async () => {
  const world = await LogWorld.open({ files: 1, shardsPerFile: 1, cacheBytesMax: 100_000 });
  const log = await world.store.open(partitionId());
  for (let n = 0; n < 20; n++) await appendValues(log, "x".repeat(20_000));
  assert(world.store.usage.cachedBytes <= 100_000);
  const request = { offset: 0, beforeOffset: 20, maxBytes: 1e6, minOneBatch: true };
  const reads = await Promise.all(Array.from({ length: 10 }, () => log.read(request)));
  const buffers = new Set(reads.map(({ slices }) => slices[0].buffer));
  assertEquals(buffers.size, 1);
  assert(world.store.usage.cachedBytes <= 100_000);
});

Deno.test("Closing commits what is pending", async () => {
  const world = await LogWorld.open();
  const log = await world.store.open(partitionId());
  const outcomes = ["a", "b", "c"].map((value) => startAppend(log, batchOf([value])).outcome);
  await world.store.close();
  assertEquals((await Promise.all(outcomes)).map(({ kind }) => kind), Array(3).fill("committed"));
  await world.restart();
  assertEquals((await recordsFrom(await world.store.open(partitionId()))).length, 3);
});

Deno.test("Usage counts appends, bytes and commits", async () => {
  const world = await LogWorld.open();
  const log = await world.store.open(partitionId());
  const batch = batchOf(["counted"]);
  await startAppend(log, batch).outcome;
  const { appends, appendedBytes, commits, pendingBytes } = world.store.usage;
  assertEquals([appends, appendedBytes, commits, pendingBytes], [1, batch.length, 1, 0]);
});

Deno.test("Producers are known after segments were closed, opened or not in between", async () => {
  const world = await LogWorld.open({ files: 1, shardsPerFile: 1, segmentBytes: 1_500 });
  const producer = (baseSequence: number) => ({ producerId: 4n, producerEpoch: 0, baseSequence });
  let log = await world.store.open(partitionId(0));
  for (let n = 0; n < 3; n++) {
    await startAppend(log, batchOf(["v"], { producer: producer(n) })).outcome;
  }
  // A life in which only another partition is opened: the segment is closed without the producers of the first.
  await world.restart();
  const other = await world.store.open(partitionId(1));
  for (let n = 0; n < 10; n++) await appendValues(other, "x".repeat(500));
  await world.restart();
  log = await world.store.open(partitionId(0));
  assertEquals(log.producers.describe()[0].lastSequence, 2);
  const { outcome } = startAppend(log, batchOf(["v"], { producer: producer(3) }));
  assertEquals((await outcome).kind, "committed");
});
