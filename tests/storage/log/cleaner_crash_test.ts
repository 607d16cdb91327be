import { assert, assertEquals } from "@std/assert";
import type { LogOptions } from "../../../storage/log/log_store.ts";
import type { PartitionId } from "../../../storage/log/partition_log.ts";
import {
  append,
  batchOf,
  keyedBatch,
  keyedRecordsFrom,
  LogWorld,
  partitionId,
  recordsFrom,
  topicConfig,
  topicId,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const never = new Promise<never>(() => {});
const OPTIONS: LogOptions = {
  files: 1,
  shardsPerFile: 1,
  segmentBytes: 6_000,
  cacheBytesMax: 10_000,
  diskCheckIntervalMs: 1_000_000_000,
};
const PARTITIONS = 6;
const REMOVED = 5;
const COMPACTED: PartitionId = { topicId: topicId(1), partition: 0 };
const KEYS = 7;
/** Worlds at a time: most of what they do is to wait for a turn. */
const TOGETHER = 50;
const policyOf = ({ topicId: id }: PartitionId) =>
  id === COMPACTED.topicId
    ? topicConfig({ "cleanup.policy": "compact" })
    : topicConfig({ "retention.bytes": "4000", "retention.ms": "-1" });

/** A log with something for the cleaner to do of every kind. */
async function prepare(): Promise<LogWorld> {
  const world = await LogWorld.open(OPTIONS, policyOf);
  const logs = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, n) => world.store.open(partitionId(n))),
  );
  const compacted = await world.store.open(COMPACTED);
  for (let round = 0; round < 24; round++) {
    const producer = { producerId: 1n, producerEpoch: 0, baseSequence: round };
    await Promise.all([
      ...logs.map((log, n) =>
        append(log, batchOf([`${round}/${n} ${"x".repeat(n * 100)}`], { producer }))
      ),
      append(compacted, keyedBatch([[`key ${round % KEYS}`, `${round} ${"y".repeat(200)}`]])),
    ]);
    if (round === 12) await append(logs[1], batchOf(["z".repeat(900_000)]));
  }
  await world.store.remove([partitionId(REMOVED)]);
  return world;
}

async function check(world: LogWorld): Promise<void> {
  for (let n = 0; n < REMOVED; n++) {
    const log = await world.store.open(partitionId(n));
    const records = await recordsFrom(log);
    assertEquals(log.highWatermark, n === 1 ? 25 : 24);
    assertEquals(records.map(([offset]) => offset), offsets(log.logStartOffset, log.highWatermark));
    assert(records.at(-1)![1].startsWith(`23/${n} `));
    assert(log.producers.has(1n));
  }
  const latest = new Map<string, string>();
  const compacted = await world.store.open(COMPACTED);
  for (const { key, value } of await keyedRecordsFrom(compacted)) latest.set(key, value!);
  assertEquals(compacted.highWatermark, 24);
  for (let key = 0; key < KEYS; key++) {
    const round = 23 - (23 - key) % KEYS;
    assert(latest.get(`key ${key}`)!.startsWith(`${round} `), `key ${key} at ${round}`);
  }
  assert(
    ![...world.store.stored()].some((id) => id.topicId === topicId(0) && id.partition === REMOVED),
  );
}

function offsets(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

/**
 * Cleans until everything is done, or dies before commit `last`; then goes on in another life.
 *
 * @returns how many commits there were.
 */
async function crashAt(last: number): Promise<number> {
  const world = await prepare();
  let commits = 0;
  let dead = false;
  world.fate = async (commit, kv) => {
    if (++commits < last) return await kv.commit(commit);
    dead = true;
    return await never;
  };
  let done = false;
  (async () => {
    for (let round = 0; round < 3; round++) {
      await world.store.upkeep({ retention: true });
      await new Promise<void>((resolve) => world.environment.timers.schedule(15_000, resolve));
    }
    done = true;
  })();
  while (!done && !dead) await world.environment.advance(1_000);
  world.fate = null;
  await world.restart();
  await check(world);
  await world.clean();
  await check(world);
  await world.restart();
  await check(world);
  assertEquals(await orphansOf(world.disk, 1), []);
  return commits;
}

Deno.test("A cleaner that dies at any commit has lost nothing and brings nothing back, and the next one goes on", async () => {
  const commits = await crashAt(Infinity);
  assert(commits > 80, `Only ${commits} commits were tried`);
  for (let first = 1; first <= commits; first += TOGETHER) {
    await Promise.all(Array.from({ length: TOGETHER }, (_, n) => crashAt(first + n)));
  }
});
