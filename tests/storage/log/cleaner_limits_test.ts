/** What a cleaner meets that it cannot do costs what it cannot be done for, and nothing else. */
import { assert, assertEquals } from "@std/assert";
import { hasDeleteHorizon, TIMESTAMP_MS_MAX } from "../../../protocol/records/batch_header.ts";
import { sealBatch } from "../../../protocol/records/builder.ts";
import { TOPIC_DEFINITIONS } from "../../../config/definitions.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import {
  append,
  batchesFrom,
  keyedBatch,
  keyedRecordsFrom,
  LogWorld,
  partitionId,
  topicConfig,
} from "./log_world.ts";

const OPTIONS = { files: 1, shardsPerFile: 1, segmentBytes: 4_000, diskCheckIntervalMs: 1e9 };
const LONG_MAX = "9223372036854775807";
const COMPACT = { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01" };

/** Twenty records of one key, and tombstones of others in between. */
async function fill(log: PartitionLog, count = 20): Promise<void> {
  for (let n = 0; n < count; n++) {
    await append(log, keyedBatch([["key", `${n}`.padEnd(200)], [`gone ${n}`, null]]));
  }
}

function troubles({ environment }: LogWorld): string[] {
  return environment.lines.filter(({ level }) => level === "error" || level === "warn")
    .map(({ message }) => message);
}

Deno.test("delete.retention.ms of Long.MAX keeps tombstones for ever, and stops no compaction (of the whole shard)", async () => {
  const ever = topicConfig({ ...COMPACT, "delete.retention.ms": LONG_MAX });
  const world = await LogWorld.open(
    OPTIONS,
    ({ partition }) => partition === 0 ? ever : topicConfig(COMPACT),
  );
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  for (let life = 0; life < 2; life++) {
    await Promise.all(logs.map((log) => fill(log)));
    await world.clean();
    await world.restart();
    logs.splice(0, 2, ...await Promise.all([0, 1].map((n) => world.store.open(partitionId(n)))));
    await world.clean();
    assertEquals(troubles(world), []);
  }
  for (const log of logs) {
    const records = await keyedRecordsFrom(log);
    const kept = records.filter(({ key }) => key === "key").length;
    assert(kept < 20, `${kept} of 40 records of one key are left`);
    assertEquals(new Set(records.map(({ key }) => key)).size, 21);
  }
  const [{ header }] = await Array.fromAsync(batchesFrom(logs[0]));
  assertEquals([hasDeleteHorizon(header), header.baseTimestampMs], [true, TIMESTAMP_MS_MAX]);
});

Deno.test("A topic with every number at its largest is retained, compacted and read as any other", async () => {
  const largest: Record<string, string> = {};
  for (const [name, { type }] of Object.entries(TOPIC_DEFINITIONS)) {
    if (type === "long") largest[name] = LONG_MAX;
    if (name === "segment.bytes" || name === "max.message.bytes") largest[name] = `${2 ** 31 - 1}`;
  }
  assert(Object.keys(largest).length > 10, Object.keys(largest).join());
  for (const policy of ["delete", "compact", "compact,delete"]) {
    for (const lag of ["0", LONG_MAX]) {
      const config = topicConfig({
        ...largest,
        ...COMPACT,
        "cleanup.policy": policy,
        "min.compaction.lag.ms": lag,
      });
      const world = await LogWorld.open(OPTIONS, () => config);
      await fill(await world.store.open(partitionId()));
      await world.clean();
      await world.restart();
      await world.clean();
      assertEquals(troubles(world), []);
      const records = await keyedRecordsFrom(await world.store.open(partitionId()));
      const compacted = policy !== "delete" && lag === "0";
      assertEquals(records.length < 40, compacted, `${policy}, lag ${lag}: ${records.length}`);
      assertEquals(records.findLast(({ key }) => key === "key")?.offset, 38);
    }
  }
});

Deno.test("Compaction that fails at one partition is told once, and goes on with the others", async () => {
  const world = await LogWorld.open(OPTIONS, () => topicConfig(COMPACT));
  const [bad, good] = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  const batch = keyedBatch([["key", "value".padEnd(40)]]);
  batch.fill(0xff, 61); // no records, and a checksum that holds
  sealBatch(batch);
  await append(bad, batch);
  await Promise.all([fill(bad), fill(good)]);
  for (let round = 0; round < 3; round++) {
    await world.clean();
    const left = (await keyedRecordsFrom(good)).filter(({ key }) => key === "key").length;
    assert(left < 10, `${left} of 20 records of one key are left`);
  }
  const [told, ...more] = troubles(world);
  assert(told.includes("cleaning fails at something"), told);
  assertEquals(more, []);
  assertEquals((await Array.fromAsync(batchesFrom(bad))).length, 21);
});
