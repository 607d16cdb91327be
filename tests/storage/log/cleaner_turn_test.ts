import { assert, assertEquals } from "@std/assert";
import { sleep } from "../../../environment/sleep.ts";
import type { Kv } from "../../../storage/kv/kv.ts";
import { kindRange } from "../../../storage/log/keys.ts";
import { append, batchOf, keyedBatch, LogWorld, partitionId, topicConfig } from "./log_world.ts";

const OPTIONS = { files: 1, shardsPerFile: 1, segmentBytes: 4_000, diskCheckIntervalMs: 1e9 };
const COMMIT_MS = 150;
const COMPACTED = partitionId(0, 0);
const CUT = partitionId(0, 9);
const text = "x".repeat(900);

/** Whether a key is of this kind, in shard 0. */
function isOf(kind: Parameters<typeof kindRange>[0], key: Uint8Array): boolean {
  const { start, end } = kindRange(kind, 0);
  return key.toHex() >= start.toHex() && key.toHex() < end.toHex();
}

Deno.test("A cleaner that always finds another job due gives back what it replaced, and lets retention have its turn (the disk filled up)", async () => {
  const world = await LogWorld.open(
    { ...OPTIONS, cleanerIntervalMs: 1_000, retentionIntervalMs: 5_000 },
    ({ topicId }) =>
      topicConfig(
        topicId === CUT.topicId
          ? { "retention.bytes": "3000" }
          : { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.5" },
      ),
  );
  const log = await world.store.open(COMPACTED);
  const cut = await world.store.open(CUT);
  const fill = () =>
    Promise.all([
      ...Array.from({ length: 5 }, (_, n) => append(log, keyedBatch([[`k${n % 3}`, text]]))),
      append(cut, batchOf([text])),
    ]);
  let jobs = 0;
  let store: Kv | null = null;
  world.fate = async (commit, kv) => {
    store = kv;
    await sleep(world.environment, COMMIT_MS);
    const outcome = await kv.commit(commit);
    if (commit.sets?.some(({ key }) => isOf("k", key))) jobs++;
    return outcome;
  };
  let most = 0;
  for (let ms = 0; ms < 300_000; ms += 100) {
    if (ms % 1_000 === 0) fill(); // more than a segment
    await world.environment.advance(100);
    if (ms % 10_000 !== 0 || store === null) continue;
    const chunks = await (store as Kv).list(kindRange("c", 0), { limit: 1_000 });
    most = Math.max(most, chunks.reduce((sum, { value }) => sum + value.length, 0));
  }
  assert(jobs > 30, `${jobs} jobs in five minutes`);
  assert(most < 600_000, `${most} bytes were stored at most`);
  const kept = world.store.sizeBytesOf(CUT);
  assert(kept < 100_000, `${kept} bytes of 3000 that retention leaves`);
});

Deno.test("Compaction comes to its turn though more mixed segments close than memory has room for (it never did)", async () => {
  const world = await LogWorld.open(
    { ...OPTIONS, cleanerIntervalMs: 1_000 },
    () => topicConfig({ "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.5" }),
  );
  const logs = await Promise.all(
    Array.from({ length: 6 }, (_, n) => world.store.open(partitionId(n))),
  );
  world.fate = async (commit, kv) => {
    await sleep(world.environment, 30);
    return await kv.commit(commit);
  };
  let most = 0;
  for (let ms = 0; ms < 120_000; ms += 50) {
    if (ms % 500 === 0) { for (const log of logs) append(log, keyedBatch([["k", text]])); }
    await world.environment.advance(50);
    most = Math.max(most, world.store.sizeBytesOf(partitionId(1)));
  }
  assert(most < 60_000, `${most} bytes of a partition with one key`);
});

Deno.test("Upkeep tells whether a turn was too short", async () => {
  const world = await LogWorld.open(OPTIONS, () => topicConfig({ "cleanup.policy": "compact" }));
  const log = await world.store.open(COMPACTED);
  for (let n = 0; n < 12; n++) await append(log, keyedBatch([[`k${n % 3}`, text]]));
  const turns: boolean[] = [];
  const turn = async () => {
    let over = false;
    world.store.upkeep({ retention: false }).then((left) => over = turns.push(left) > 0);
    while (!over) await world.environment.advance(100);
  };
  world.fate = async (commit, kv) => {
    await sleep(world.environment, 20_000);
    return await kv.commit(commit);
  };
  await turn();
  await turn();
  assertEquals(turns, [true, false]);
});
