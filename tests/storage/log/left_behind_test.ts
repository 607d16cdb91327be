/** What a long life, or a removal at the wrong moment, must not leave behind. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { CleaningRoom } from "../../../storage/log/cleaner/cleaning_room.ts";
import { JobChoice } from "../../../storage/log/cleaner/job_choice.ts";
import { mergedEpochs } from "../../../storage/log/cleaner/segment_output.ts";
import type { ShardCleanerParts } from "../../../storage/log/cleaner/shard_cleaner.ts";
import { STEP_BYTES_MAX } from "../../../storage/log/pacer.ts";
import type { ClosedPart } from "../../../storage/log/partition_index.ts";
import type { StoredBytes } from "../../../storage/log/read_cursor.ts";
import {
  decodeSummary,
  encodeSummary,
  EPOCHS_MAX,
  type SegmentHead,
} from "../../../storage/log/segment_summary.ts";
import { newSegment, ShardCatalogue } from "../../../storage/log/shard_catalogue.ts";
import type { StoredPartition } from "../../../storage/log/stored_partition.ts";
import { deleteSegment } from "../../../storage/log/sweeper.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { kindRange } from "../../../storage/log/keys.ts";
import { DENO_KV_LIMITS } from "../../../storage/kv/limits.ts";
import { appendValues, environmentOf, LogWorld, partitionId, topicConfig } from "./log_world.ts";

const HEAD: SegmentHead = { segment: 0, firstSequence: 0, lastSequence: 9, bytes: 1_000 };
const PART: ClosedPart = {
  segment: 0,
  firstOffset: 0,
  endOffset: 1e9,
  bytes: 1_000,
  maxTimestampMs: 1,
  firstTimestampMs: 1,
  detailPosition: 0,
  detailBytes: 1,
  abortedFrom: Infinity,
  dirtyFrom: 0,
};

/** One epoch per start of the broker, each with batches. */
function epochsOf(starts: number) {
  return Array.from({ length: starts }, (_, epoch) => ({ epoch, startOffset: epoch * 8_000 }));
}

Deno.test("A summary of a partition that was written in more starts than a value can name is stored all the same", () => {
  for (const starts of [1, EPOCHS_MAX, EPOCHS_MAX + 1, 13_000, 100_000]) {
    const epochs = epochsOf(starts);
    const entry = { id: partitionId(), part: PART, epochs };
    const pages = encodeSummary(HEAD, [entry, { ...entry, id: partitionId(1) }], 65_536);
    const found = pages.flatMap((page) => {
      assertLessOrEqual(page.length, DENO_KV_LIMITS.valueBytesMax);
      return decodeSummary(page).entries;
    });
    assertEquals(found.map(({ id }) => id.partition), [0, 1]);
    for (const { epochs: named } of found) {
      assertEquals(named.length, Math.min(starts, EPOCHS_MAX));
      assertEquals([named[0], named.at(-1)], [epochs[0], epochs.at(-1)]);
      assertEquals(named.slice(1), epochs.slice(1 - named.length || starts));
    }
  }
});

Deno.test("Cleaning keeps the epochs of which no batch is left as long as there are few, and then those with batches", () => {
  const found = epochsOf(EPOCHS_MAX * 2).filter(({ epoch }) => epoch % 10 === 3);
  assertEquals(mergedEpochs(epochsOf(40), found.slice(0, 4)), epochsOf(40));
  const many = epochsOf(EPOCHS_MAX * 2);
  const left = mergedEpochs(many, found);
  assertEquals(left, [...found, many.at(-1)!]);
});

/** The epochs of partition 0 in the summaries that are stored. */
async function storedEpochs(world: LogWorld): Promise<number[]> {
  const kv = await world.disk.openFolder().open("log-0");
  const pages = await Array.fromAsync(listAll(kv, kindRange("m", 0)));
  return pages.flatMap(({ value }) => decodeSummary(value).entries)
    .filter(({ id }) => id.partition === 0)
    .flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch));
}

Deno.test("Epochs that ended before a log begins go when it is cleaned, and the others stay", async () => {
  const options = { files: 1, shardsPerFile: 1, segmentBytes: 9_000, diskCheckIntervalMs: 1e9 };
  const world = await LogWorld.open(options);
  const logs = () => Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  for (let life = 0; life < 8; life++) {
    const [log, other] = await logs();
    await appendValues(log, `${life}`.repeat(90));
    await appendValues(other, "o".repeat(900));
    if (life < 7) await world.restart();
  }
  const [cut, other] = await logs();
  await appendValues(other, "o".repeat(900));
  await world.environment.advance(10);
  await cut.advanceLogStart(5);
  await other.advanceLogStart(other.highWatermark);
  const before = cut.epochs;
  await world.clean();
  await world.restart();
  assertEquals((await logs())[0].epochs.slice(0, 3), before);
  assertEquals(await storedEpochs(world), [5, 6, 7]);
});

Deno.test("A segment that is deleted leaves no count of its loads", async () => {
  const forgotten: number[] = [];
  const kv = await new LogWorld().disk.openFolder().open("log-0");
  await deleteSegment({
    shard: 0,
    kv,
    catalogue: new ShardCatalogue({ segment: 1, firstSequence: 10 }),
    reader: { forgetLoads: (segment) => void forgotten.push(segment) },
    maintain: () => Promise.resolve(),
    stepBytes: () => STEP_BYTES_MAX,
    pause: () => Promise.resolve(),
  }, HEAD);
  assertEquals(forgotten, [0]);
});

Deno.test("A partition that is removed while its compaction is prepared is not opened again", async () => {
  const catalogue = new ShardCatalogue({ segment: 1, firstSequence: 10 });
  catalogue.segments.set(0, newSegment(HEAD));
  const index = catalogue.index(partitionId());
  index.addClosed(PART, []);
  let opened = 0;
  const environment = environmentOf(1);
  const shard: Partial<ShardCleanerParts> = {
    catalogue,
    environment,
    segmentBytes: 10_000,
    policyOf: () => topicConfig({ "cleanup.policy": "compact" }),
    stepBytes: () => STEP_BYTES_MAX,
    pause: () => Promise.resolve(),
    open: () => {
      opened++;
      return Promise.resolve({ lastStableOffset: PART.endOffset } as StoredPartition);
    },
  };
  const reader = { loadsOf: () => 0 } as unknown as ShardCleanerParts["reader"];
  const reserve = { spareBytes: Infinity, reserveBytes: 0, noteWritten: () => {} };
  const room = new CleaningRoom(reserve, environment.clock);
  const choice = new JobChoice({ ...shard, reader } as ShardCleanerParts, room, {} as StoredBytes);
  const job = await choice.next();
  assert(job !== null && job.compacts(index));
  assertEquals(opened, 1);
  index.removed = true;
  assertEquals(await job.filterOf(index), null);
  assertEquals(opened, 1);
});
