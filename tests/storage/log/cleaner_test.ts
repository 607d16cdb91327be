import { assert, assertEquals } from "@std/assert";
import { keyParts } from "../../../storage/kv/key.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { kindRange } from "../../../storage/log/keys.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import {
  append,
  appendValues,
  batchOf,
  keyedBatch,
  LogWorld,
  partitionId,
  recordsFrom,
  topicConfig,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const SMALL_SEGMENTS = { files: 1, shardsPerFile: 1, segmentBytes: 4_000, cacheBytesMax: 20_000 };
const text = "x".repeat(300);

async function keysOf(world: LogWorld): Promise<string[]> {
  const kv = await world.disk.openFolder().open("log-0");
  const keys: string[] = [];
  const all = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };
  for await (const { key } of listAll(kv, all)) keys.push(keyParts(key).join(" "));
  return keys;
}

/** Appends `rounds` batches to each of the partitions, in turns. */
async function fill(world: LogWorld, partitions: number, rounds: number): Promise<PartitionLog[]> {
  const logs = await Promise.all(
    Array.from({ length: partitions }, (_, n) => world.store.open(partitionId(n))),
  );
  for (let round = 0; round < rounds; round++) {
    await Promise.all(logs.map((log) => appendValues(log, `${round} ${text}`)));
  }
  return logs;
}

Deno.test("Cleaner writes segments anew of which little lives, and gives back the rest", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const logs = await fill(world, 6, 30);
  const before = world.disk.table("log-0").bytes;
  const kept = await Promise.all(logs.map((log) => recordsFrom(log)));
  for (const log of logs.slice(1)) await log.advanceLogStart(28);
  await world.clean();
  assertEquals(await recordsFrom(logs[0]), kept[0]);
  assertEquals(await recordsFrom(logs[1]), kept[1].slice(28));
  await world.restart();
  assertEquals(await recordsFrom(await world.store.open(partitionId(0))), kept[0]);
  assertEquals(await recordsFrom(await world.store.open(partitionId(1))), kept[1].slice(28));
  const after = world.disk.table("log-0").bytes;
  assert(after < before / 3, `${after} of ${before} bytes are left`);
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("Cleaner puts a mixed segment that is read often into the order of partitions", async () => {
  const world = await LogWorld.open({ ...SMALL_SEGMENTS, segmentBytes: 40_000, cacheBytesMax: 0 });
  const logs = await fill(world, 10, 40);
  const before = await Promise.all(logs.map((log) => recordsFrom(log, 0, 3_000)));
  assert(!hasCleaned(world));
  await world.clean();
  assert(hasCleaned(world));
  assertEquals(await Promise.all(logs.map((log) => recordsFrom(log))), before);
  await world.restart();
  for (let n = 0; n < 10; n++) {
    assertEquals(await recordsFrom(await world.store.open(partitionId(n))), before[n]);
  }
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("Cleaner looks for something to do as often as its setting says by then", async () => {
  let intervalMs = 60_000;
  const world = await LogWorld.open(
    { ...SMALL_SEGMENTS, cleanerIntervalMs: () => intervalMs },
    () => topicConfig({ "retention.ms": "-1", "cleanup.policy": "compact" }),
  );
  const log = await world.store.open(partitionId());
  const write = async () => {
    for (let n = 0; n < 40; n++) await append(log, keyedBatch([["key", text]]));
  };
  await write();
  await world.environment.advance(59_000);
  assert(!hasCleaned(world));
  intervalMs = 1_000;
  await world.environment.advance(2_000);
  assert(hasCleaned(world));
  const { sizeBytes } = log;
  await write();
  assert(log.sizeBytes > sizeBytes * 2);
  await world.environment.advance(3_000);
  assert(log.sizeBytes < sizeBytes * 2);
});

/** Whether a segment counts that the cleaner wrote. */
function hasCleaned(world: LogWorld): boolean {
  const { start, end } = kindRange("k", 0);
  const name = (key: Uint8Array) => String.fromCharCode(...key);
  return world.disk.table("log-0").keys.slice(name(start), name(end), 1, false).length > 0;
}

Deno.test("Cleaner keeps producers, epochs and the end of a log of which no record is left", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const log = await world.store.open(partitionId());
  const producer = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };
  await append(log, batchOf(["a", "b"], { producer }));
  await fill(world, 3, 20);
  const first = await world.store.open(partitionId());
  await first.advanceLogStart(first.highWatermark);
  const { epochs, highWatermark } = first;
  await world.clean();
  await world.restart();
  const again = await world.store.open(partitionId());
  assertEquals([again.logStartOffset, again.highWatermark], [highWatermark, highWatermark]);
  assertEquals(again.epochs.at(-1)!.startOffset, epochs.at(-1)!.startOffset);
  assert(again.producers.has(7n));
  assertEquals(await appendValues(again, "next"), highWatermark);
});

Deno.test("Cleaner deletes a segment of which only a summary was left, and goes on (it stopped for good)", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const log = await world.store.open(partitionId());
  const told: string[] = [];
  world.environment.log.write = (_level, message) => void told.push(message);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 30; n++) await appendValues(log, `${n} ${text}`);
    await log.advanceLogStart(log.highWatermark);
    await world.clean();
  }
  assert(hasCleaned(world));
  assert(!told.some((message) => message.includes("put off")), told.join("; "));
  assertEquals(await orphansOf(world.disk, 1), []);
  const segments = (await keysOf(world)).filter((key) => key.startsWith("m "));
  assert(segments.length <= 2, segments.join("; "));
});

Deno.test("Cleaner leaves a read that is under way whole, and one that comes later too", async () => {
  const world = await LogWorld.open({ ...SMALL_SEGMENTS, cacheBytesMax: 0 });
  const logs = await fill(world, 6, 30);
  for (const log of logs.slice(1)) await log.advanceLogStart(30);
  const reads = Array.from({ length: 20 }, () => recordsFrom(logs[0], 0, 500));
  await world.clean();
  for (const read of await Promise.all(reads)) assertEquals(read.length, 30);
});

Deno.test("Retention cuts a log off by time, in the open segment too", async () => {
  const world = await LogWorld.open(
    { files: 1, shardsPerFile: 1 },
    () => topicConfig({ "retention.ms": "60000" }),
  );
  const log = await world.store.open(partitionId());
  const nowMs = world.environment.clock.now();
  await append(log, batchOf(["old"], { timestampsMs: [nowMs - 50_000] }));
  await append(log, batchOf(["new"], { timestampsMs: [nowMs] }));
  await world.clean();
  assertEquals(await recordsFrom(log), [[1, "new"]]);
  await world.environment.advance(70_000);
  await world.clean();
  assertEquals(log.logStartOffset, 2);
  assertEquals(log.sizeBytes, 0);
  await world.restart();
  assertEquals((await world.store.open(partitionId())).logStartOffset, 2);
});

Deno.test("Retention cuts a log off by size, and never below it", async () => {
  const retentionBytes = 5_000;
  const world = await LogWorld.open(
    SMALL_SEGMENTS,
    () => topicConfig({ "retention.bytes": `${retentionBytes}`, "retention.ms": "-1" }),
  );
  const [log, other] = await fill(world, 2, 60);
  await world.clean();
  for (const each of [log, other]) {
    const left = await recordsFrom(each);
    const bytes = left.length * (each.sizeBytes / left.length);
    assert(bytes >= retentionBytes && left.length < 20, `${left.length} records are left`);
    assertEquals(left.at(-1)![0], 59);
  }
  await world.clean();
  const keys = await keysOf(world);
  assert(keys.filter((key) => key.startsWith("c ")).length < 30, keys.join("\n"));
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("Retention leaves a topic alone that is only compacted, or not known", async () => {
  for (const policy of [topicConfig({ "cleanup.policy": "compact", "retention.ms": "1" }), null]) {
    const world = await LogWorld.open(SMALL_SEGMENTS, () => policy);
    const log = await world.store.open(partitionId());
    await append(log, batchOf(["old"], { timestampsMs: [1] }));
    await world.clean();
    assertEquals(log.logStartOffset, 0);
  }
});

// Found by the scenario `cleaner`: seed 210 of 28 November 2026.
Deno.test("A log's start that two move at once does not go back at the next start of the broker", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const log = await world.store.open(partitionId());
  for (let n = 0; n < 10; n++) await appendValues(log, text);
  await Promise.all([log.advanceLogStart(8), log.advanceLogStart(5), log.advanceLogStart(7)]);
  assertEquals(log.logStartOffset, 8);
  await world.restart();
  assertEquals((await world.store.open(partitionId())).logStartOffset, 8);
});
