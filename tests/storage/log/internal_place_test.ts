import { assertEquals } from "@std/assert";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { openLogStore } from "../../../storage/log/log_store.ts";
import type { LogStore } from "../../../storage/log/partition_log.ts";
import type { ManualEnvironment } from "../../support/manual_environment.ts";
import {
  append,
  appendValues,
  environmentOf,
  keyedBatch,
  keyedRecordsFrom,
  partitionId,
  recordsFrom,
  topicConfig,
  topicId,
} from "./log_world.ts";

const INTERNAL = partitionId(0, 1);
const ORDINARY = partitionId(0, 2);

/** Starts a log on a disk; `internal` says whether topic 1 is known to be internal. */
async function start(disk: MemoryDisk, seed: number, internal: boolean): Promise<LogStore> {
  const folder = disk.openFolder();
  const kv = await folder.open("meta");
  const isInternal = (id: string) => internal && id === topicId(1);
  const environment = environmentOf(seed);
  return await openLogStore({ folder, environment, internal: { kv, isInternal } });
}

Deno.test("Partitions of internal topics live apart, and are found there when nobody knows them any more", async () => {
  const disk = new MemoryDisk();
  const first = await start(disk, 1, true);
  const emptyBytes = disk.table("meta").bytes;
  await appendValues(await first.open(ORDINARY), "data");
  assertEquals(disk.table("meta").bytes, emptyBytes);
  await appendValues(await first.open(INTERNAL), "offsets");
  const later = await start(disk, 2, false);
  assertEquals(await recordsFrom(await later.open(INTERNAL)), [[0, "offsets"]]);
  assertEquals(later.sizeBytesOf(INTERNAL) > 0, true);
  await later.remove([INTERNAL]);
  assertEquals([...later.stored()], [ORDINARY]);
});

Deno.test("A partition that was stored among the others before it was known to be internal stays there", async () => {
  const disk = new MemoryDisk();
  await appendValues(await (await start(disk, 1, false)).open(INTERNAL), "before");
  const log = await (await start(disk, 2, true)).open(INTERNAL);
  await appendValues(log, "after");
  assertEquals(await recordsFrom(log), [[0, "before"], [1, "after"]]);
});

/** Writes the same ten keys into six partitions of topic 1 again and again; returns how many records stay of each. */
async function overwritten(log: LogStore, environment: ManualEnvironment): Promise<number[]> {
  const logs = await Promise.all(
    Array.from({ length: 6 }, (_, partition) => log.open(partitionId(partition, 1))),
  );
  for (let n = 0; n < 150; n++) {
    const batch = keyedBatch([[`key-${n % 10}`, `${n}${"x".repeat(100)}`]]);
    await Promise.all(logs.map((log) => append(log, batch)));
    await environment.advance(1);
  }
  await environment.advance(100);
  return await Promise.all(logs.map(async (log) => (await keyedRecordsFrom(log)).length));
}

Deno.test("An internal topic is compacted while it is written, long before the cleaner comes round to others", async () => {
  for (const internal of [true, false]) {
    const folder = new MemoryDisk().openFolder();
    const environment = environmentOf(1);
    const log = await openLogStore({
      folder,
      environment,
      options: { segmentBytes: 8_000, diskCheckIntervalMs: 1e9 },
      internal: { kv: await folder.open("meta"), isInternal: () => internal },
      policyOf: () => topicConfig({ "cleanup.policy": "compact" }),
    });
    const left = await overwritten(log, environment);
    for (const count of left) {
      // Ten live ones, no more that are dirty, and what is in the open segment.
      assertEquals(count < 40, internal, `${count} records are left, internal: ${internal}`);
    }
  }
});
