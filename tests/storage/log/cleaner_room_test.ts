/** A cleaner on a disk that is nearly full: it writes before it deletes. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import { CLEANED_FIRST } from "../../../storage/log/keys.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import {
  append,
  keyedBatch,
  keyedRecordsFrom,
  LogWorld,
  partitionId,
  topicConfig,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const KB = 1024;
const RESERVE = 128 * KB;
const OPTIONS = {
  files: 1,
  shardsPerFile: 1,
  segmentBytes: 128 * KB,
  diskReserveBytes: RESERVE,
  diskCheckIntervalMs: 10,
  cleanerIntervalMs: 1e12,
  retentionIntervalMs: 1e12,
};
const COMPACT = { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01" };
const value = "x".repeat(6_000);

/** Lets time pass until `work` is done, for a minute at most. */
async function within(world: LogWorld, what: string, work: Promise<unknown>): Promise<void> {
  let done = false;
  let failure: unknown = null;
  work.catch((error) => failure = error).finally(() => done = true);
  for (let left = 3_000; left > 0 && !done; left--) await world.environment.advance(20);
  assert(done, `It hangs: ${what}`);
  if (failure) throw failure;
}

/** Appends a record of a new key to each partition in turn, until the disk is at its reserve. Returns how many. */
async function fill(world: LogWorld, logs: readonly PartitionLog[]): Promise<number> {
  for (let n = 0;; n++) {
    try {
      await append(logs[n % logs.length], keyedBatch([[`k${n}`, value]]));
    } catch (error) {
      assert(error instanceof KafkaError && error.kind === "KAFKA_STORAGE_ERROR");
      return n;
    }
    await world.environment.advance(11);
  }
}

/** One look of the cleaner, and the time until what it replaced may go. */
async function look(world: LogWorld): Promise<void> {
  await within(world, "upkeep", world.store.upkeep({ retention: false }));
  await world.environment.advance(11_000);
}

Deno.test("A cleaner leaves deleting its room: a full disk is emptied by retention, removal and DeleteRecords (they hung)", async () => {
  const compact = topicConfig(COMPACT);
  const short = topicConfig({ "retention.ms": "1000" });
  const disk = new MemoryDisk({ capacityBytes: 1536 * KB });
  const world = await LogWorld.open(
    OPTIONS,
    ({ partition }) => partition === 1 ? compact : short,
    disk,
  );
  const [kept, cut, removed] = await Promise.all(
    [1, 2, 3].map((n) => world.store.open(partitionId(n))),
  );
  const count = await fill(world, [kept, kept, cut, removed]);
  assertGreater(count, 200);
  const keys = (await keyedRecordsFrom(kept)).map(({ key }) => key);

  let least = Infinity;
  world.fate = async (commit, kv) => {
    const outcome = await kv.commit(commit);
    least = Math.min(least, disk.freeBytes());
    return outcome;
  };
  await within(world, "cleaning", world.store.upkeep({ retention: false }));
  await within(world, "removal", world.store.remove([removed.id]));
  await within(world, "DeleteRecords", cut.advanceLogStart(10));
  for (let round = 0; round < 12; round++) {
    await look(world); // retention is not due: it comes because there is no room
  }
  assertGreater(least, RESERVE / 3, "Half of the reserve, but for what a commit has beside it");
  assertEquals(cut.logStartOffset, cut.highWatermark);
  assertGreater(disk.freeBytes(), RESERVE * 2);
  assertEquals((await keyedRecordsFrom(kept)).map(({ key }) => key), keys);
  await append(kept, keyedBatch([["again", value]]));
  assertEquals(await orphansOf(disk, 1), []);
});

Deno.test("A job that turns out too large for the disk is given up, leaves nothing behind, and is not tried again soon", async () => {
  const disk = new MemoryDisk({ capacityBytes: 1536 * KB });
  const world = await LogWorld.open(OPTIONS, () => topicConfig(COMPACT), disk);
  const log = await world.store.open(partitionId());
  for (let n = 0; disk.freeBytes() > RESERVE * 2; n++) {
    await append(log, keyedBatch([[`k${n}`, value]]));
  }
  await world.environment.advance(11);
  const begun = () =>
    world.environment.lines.filter(({ message }) => message.includes("cleaning begins")).length;
  const free = disk.freeBytes();
  await look(world);
  assertEquals(begun(), 1, "It was hoped that much would go");
  assertLess(Math.abs(disk.freeBytes() - free), 2 * KB);
  for (let round = 0; round < 20; round++) await look(world);
  assertLess(begun(), 6);
  const told = world.environment.lines.filter(({ message }) => message.includes("waits for room"));
  assertEquals(told.length, 1);
  await append(log, keyedBatch([["taken", value]]));
  assertEquals(await orphansOf(disk, 1), []);
});

Deno.test("A compaction that drops much is carried out on a disk where it would not fit whole", async () => {
  const disk = new MemoryDisk({ capacityBytes: 1536 * KB });
  const world = await LogWorld.open(OPTIONS, () => topicConfig(COMPACT), disk);
  const log = await world.store.open(partitionId());
  for (let n = 0; disk.freeBytes() > RESERVE * 2; n++) {
    await append(log, keyedBatch([[`k${n % 7}`, value]]));
  }
  await world.environment.advance(11);
  for (let round = 0; round < 3; round++) await look(world);
  assertGreater(disk.freeBytes(), 1024 * KB);
  assertEquals(new Set((await keyedRecordsFrom(log)).map(({ key }) => key)).size, 7);
});

Deno.test("A store that refuses what is cleaned, for whatever reason, holds up nothing else", async () => {
  const compact = topicConfig(COMPACT);
  const short = topicConfig({ "retention.ms": "1000" });
  const world = await LogWorld.open(OPTIONS, ({ partition }) => partition === 1 ? compact : short);
  const [kept, cut, removed] = await Promise.all(
    [1, 2, 3].map((n) => world.store.open(partitionId(n))),
  );
  for (let n = 0; n < 60; n++) {
    for (const log of [kept, cut, removed]) await append(log, keyedBatch([[`k${n % 5}`, value]]));
    await world.environment.advance(10);
  }
  await world.environment.advance(2_000);
  const isCleaned = (key: Uint8Array) => {
    const [kind, , number] = keyParts(key);
    return ["c", "s", "d", "m", "k"].includes(`${kind}`) && Number(number) >= CLEANED_FIRST;
  };
  world.fate = (commit, kv) =>
    commit.sets?.some(({ key }) => isCleaned(key))
      ? Promise.resolve({ kind: "refused", error: new Error("The disk is full") })
      : kv.commit(commit);
  await within(world, "cleaning", world.store.upkeep({ retention: false }));
  await within(world, "removal", world.store.remove([removed.id]));
  await within(world, "retention", world.store.upkeep({ retention: true }));
  assertEquals(cut.logStartOffset, cut.highWatermark);
  assertGreater((await keyedRecordsFrom(kept)).length, 50);
  world.fate = null;
  await world.environment.advance(300_000);
  await look(world);
  assertLess((await keyedRecordsFrom(kept)).length, 30);
});
