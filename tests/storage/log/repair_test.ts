import { assert, assertEquals, assertRejects } from "@std/assert";
import { DamagedStoreError } from "../../../storage/damaged_store.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import type { KvEntry } from "../../../storage/kv/kv.ts";
import { checkStores } from "../../../storage/log/check/check_folder.ts";
import { keyName } from "../../../storage/log/check/key_name.ts";
import { isSound } from "../../../storage/log/check/report.ts";
import { stagedKey, summaryKey } from "../../../storage/log/keys.ts";
import { repairStores } from "../../../storage/log/repair/repair_folder.ts";
import { decodeSummary } from "../../../storage/log/segment_summary.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { appendValues, environmentOf, LogWorld, partitionId, recordsFrom } from "./log_world.ts";

const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };
const OPTIONS = { files: 1, shardsPerFile: 1, segmentBytes: 1_500 };

/** A log of two partitions with closed segments and an open one. */
async function prepare(): Promise<LogWorld> {
  const world = await LogWorld.open(OPTIONS);
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  for (let round = 0; round < 8; round++) {
    for (const [n, log] of logs.entries()) await appendValues(log, `${n}/${round}`.padEnd(100));
  }
  return world;
}

async function storesOf(world: LogWorld) {
  return new Map([["log-0", await world.disk.openFolder().open("log-0")]]);
}

async function entriesIn(world: LogWorld): Promise<KvEntry[]> {
  return await Array.fromAsync(listAll((await storesOf(world)).get("log-0")!, ALL));
}

async function change(world: LogWorld, key: Uint8Array, value: Uint8Array): Promise<void> {
  const outcome = await (await storesOf(world)).get("log-0")!.commit({ sets: [{ key, value }] });
  assertEquals(outcome.kind, "ok");
}

/** Runs a repair; answers what it told. */
async function repair(world: LogWorld, dryRun = false) {
  const told: string[] = [];
  const report = await repairStores({
    stores: await storesOf(world),
    environment: environmentOf(9),
    dryRun,
    tell: (line) => told.push(line),
  });
  return { told, report };
}

function last(entries: readonly KvEntry[], kind: string): KvEntry {
  return entries.filter(({ key }) => keyParts(key)[0] === kind).at(-1)!;
}

Deno.test("Repair turns a flipped bit back, in every kind of value that has a checksum of its own", async () => {
  const world = await prepare();
  const before = await entriesIn(world);
  for (const kind of ["format", "head", "c", "m"]) {
    const { key, value } = last(before, kind);
    const flipped = value.slice();
    flipped[value.length >> 1] ^= 8;
    await change(world, key, flipped);
    const { told, report } = await repair(world);
    assertEquals(told.length, 1, told.join("\n"));
    assert(told[0].includes(`bit ${(value.length >> 1) * 8 + 3} is turned back`), told[0]);
    assert(isSound(report));
    assertEquals((await entriesIn(world)).map(({ value }) => value), before.map((e) => e.value));
  }
});

Deno.test("A dry repair tells the same changes, and makes none", async () => {
  const world = await prepare();
  const { key, value } = last(await entriesIn(world), "m");
  await change(world, key, value.map((byte, at) => at === 3 ? byte ^ 1 : byte));
  const damaged = await entriesIn(world);
  const { told, report } = await repair(world, true);
  assertEquals(told.length, 1);
  assert(!isSound(report));
  assertEquals(await entriesIn(world), damaged);
  assertEquals((await repair(world)).told, told);
});

Deno.test("Repair deletes what nothing leads to, and nothing else", async () => {
  const world = await prepare();
  const before = await entriesIn(world);
  const summary = last(before, "m").value;
  await change(world, stagedKey(0, 2, new Uint8Array(16), 0), new Uint8Array(5_000));
  await change(world, summaryKey(0, 1_000, 0), summary);
  const { told, report } = await repair(world);
  assertEquals(told.length, 2);
  assertEquals(report.orphans, []);
  assertEquals(await entriesIn(world), before);
});

Deno.test("Offsets of a chunk that is lost at the end are never given again", async () => {
  const world = await prepare();
  const { key, value } = last(await entriesIn(world), "c"); // holds offset 7 of partition 1
  const damaged = value.slice();
  damaged[value.length - 1] ^= 0xff;
  damaged[value.length - 5] ^= 0xff;
  await change(world, key, damaged);
  const error = await assertRejects(() => world.restart(), DamagedStoreError);
  assert(error.message.includes("odradek check --data memory:"), error.message);
  const { told, report } = await repair(world);
  assertEquals(told.length, 2);
  assert(told[1].endsWith("-1: offsets 7 to 7 may be lost: an empty batch takes their place"));
  assert(isSound(report));
  await world.restart();
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  assertEquals((await recordsFrom(logs[0])).length, 8);
  assertEquals((await recordsFrom(logs[1])).map(([offset]) => offset), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals(await appendValues(logs[1], "next"), 8);
  assertEquals(await appendValues(logs[0], "next"), 8);
});

Deno.test("A lost summary is written anew from details and chunks", async () => {
  const world = await prepare();
  const before = await entriesIn(world);
  const { key, value } = last(before, "m");
  await change(world, key, new Uint8Array(value.length).fill(0x5a));
  await assertRejects(() => world.restart(), DamagedStoreError);
  const { told, report } = await repair(world);
  assertEquals(told, ["log-0, shard 0: the summary of segment 1 is written anew"]);
  assert(isSound(report));
  assertEquals(report.orphans, []);
  const mended = (await entriesIn(world)).find((entry) => keyName(entry.key) === keyName(key))!;
  assertEquals(decodeSummary(mended.value), decodeSummary(value));
  await world.restart();
  assertEquals((await recordsFrom(await world.store.open(partitionId(0)))).length, 8);
});

Deno.test("What cannot be mended without guessing is left as it is, and told by the check", async () => {
  const world = await prepare();
  const { key, value } = last(await entriesIn(world), "head");
  const damaged = value.map((byte, at) => at % 9 === 4 ? byte ^ 0x5a : byte);
  await change(world, key, damaged);
  const before = await entriesIn(world);
  const { told, report } = await repair(world);
  assertEquals(told, []);
  assert(!isSound(report));
  assertEquals(await entriesIn(world), before);
  const stores = await storesOf(world);
  assertEquals((await checkStores(stores)).report.damage.length, 1);
});
