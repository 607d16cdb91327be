import { assert, assertEquals, assertThrows } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { CLEANED_FIRST } from "../../../storage/log/keys.ts";
import type { PartitionId } from "../../../storage/log/partition_log.ts";
import {
  append,
  appendValues,
  batchOf,
  keyedBatch,
  LogWorld,
  partitionId,
  recordsFrom,
  settle,
  startAppend,
  topicConfig,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const SMALL_SEGMENTS = { files: 1, shardsPerFile: 1, segmentBytes: 2_000 };
const value = "x".repeat(500);

async function keysOf(world: LogWorld): Promise<string[]> {
  const kv = await world.disk.openFolder().open("log-0");
  const keys: string[] = [];
  const all = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };
  for await (const { key } of listAll(kv, all)) keys.push(String(keyParts(key)[0]));
  return keys;
}

Deno.test("Segments in which nothing lives are deleted, tombstones too", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const gone = await world.store.open(partitionId(0));
  for (let n = 0; n < 20; n++) await appendValues(gone, value);
  await gone.advanceLogStart(3);
  await world.store.remove([partitionId(0)]);
  const kept = await world.store.open(partitionId(1));
  for (let n = 0; n < 10; n++) await appendValues(kept, value);
  await world.environment.advance(2_000);
  assertEquals((await recordsFrom(kept)).length, 10);
  await settle();
  const keys = await keysOf(world);
  assertEquals(keys.filter((kind) => kind === "r" || kind === "b"), []);
  assert(keys.filter((kind) => kind === "c").length <= 16, `${keys.length} keys are left`);
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("A sweep that was cut off goes on at the next start", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const gone = await world.store.open(partitionId(0));
  for (let n = 0; n < 20; n++) await appendValues(gone, value);
  const kept = await world.store.open(partitionId(1));
  for (let n = 0; n < 8; n++) await appendValues(kept, value);
  await world.store.remove([partitionId(0)]);
  await world.restart();
  await world.environment.advance(5_000);
  const log = await world.store.open(partitionId(1));
  for (let n = 0; n < 8; n++) await appendValues(log, value);
  await world.environment.advance(5_000);
  assertEquals((await recordsFrom(log)).length, 16);
  const keys = await keysOf(world);
  assertEquals(keys.filter((kind) => kind === "r"), []);
  assert(keys.filter((kind) => kind === "c").length <= 22, `${keys.length} keys are left`);
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("Segments that others live in stay readable after a removal", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  for (let n = 0; n < 20; n++) {
    await Promise.all(logs.map((log) => appendValues(log, `${n}${value}`)));
  }
  const before = await recordsFrom(logs[1]);
  await world.store.remove([partitionId(0)]);
  await world.environment.advance(5_000);
  assertEquals(await recordsFrom(logs[1]), before);
  await world.restart();
  assertEquals(await recordsFrom(await world.store.open(partitionId(1))), before);
  assertEquals([...world.store.stored()], [partitionId(1)]);
});

// Found by the scenario `cleaner`: seed 13 of 28 November 2026.
Deno.test("A partition that is removed while it is being cleaned does not come back when the broker dies soon after", async () => {
  const world = await LogWorld.open(
    SMALL_SEGMENTS,
    () => topicConfig({ "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0" }),
  );
  const gone = await world.store.open(partitionId(0));
  for (let n = 0; n < 8; n++) await append(gone, keyedBatch([["key", value]]));
  let removes = 0;
  world.fate = (commit, kv) => {
    const isAhead = commit.sets?.some(({ key }) => {
      const [kind, , number] = keyParts(key);
      return kind === "c" && Number(number) >= CLEANED_FIRST;
    });
    if (isAhead && removes++ === 0) world.store.remove([partitionId(0)]);
    return kv.commit(commit);
  };
  world.store.upkeep({ retention: false });
  await world.environment.advance(1_000);
  const other = await world.store.open(partitionId(1)); // closes the segment that was open when it was removed
  for (let n = 0; n < 8; n++) await appendValues(other, value);
  await world.environment.advance(1_000); // less than segments are kept after they were replaced
  assert(removes > 0, "It was removed in the midst of it");
  await world.restart();
  const isGone = ({ partition }: PartitionId) => partition === 0;
  assertEquals([...world.store.stored()].filter(isGone), []);
  await world.clean();
  assertEquals(await orphansOf(world.disk, 1), []);
});

// Found by a review of the storage: 28 November 2026.
Deno.test("A partition that is removed while its batches wait for their commits does not come back", async () => {
  const world = await LogWorld.open({ files: 1, shardsPerFile: 1, segmentBytes: 1_000_000 });
  const gone = await world.store.open(partitionId(0));
  const large = batchOf([new Uint8Array(60_000)]);
  const outcomes = Array.from({ length: 80 }, () => startAppend(gone, large).outcome);
  const removed = world.store.remove([partitionId(0)]);
  await world.environment.advance(5_000);
  await removed;
  assertEquals((await Promise.all(outcomes)).filter(({ kind }) => kind === "failed"), []);
  await world.restart();
  assertEquals([...world.store.stored()], []);
  const other = await world.store.open(partitionId(1)); // closes the segment of the last batch
  for (let n = 0; n < 20; n++) await append(other, large);
  await world.environment.advance(20_000);
  assertEquals((await keysOf(world)).filter((kind) => kind === "r"), []);
  await world.restart();
  assertEquals([...world.store.stored()], [partitionId(1)]);
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("A partition takes no batch from who opens it while it is being removed", async () => {
  const world = await LogWorld.open(SMALL_SEGMENTS);
  await appendValues(await world.store.open(partitionId()), value);
  await world.restart();
  const removed = world.store.remove([partitionId()]);
  const late = await world.store.open(partitionId());
  assertThrows(() => startAppend(late, batchOf(["late"])), KafkaError, "was deleted");
  await removed;
  assertThrows(() => startAppend(late, batchOf(["later"])), KafkaError, "was deleted");
});
