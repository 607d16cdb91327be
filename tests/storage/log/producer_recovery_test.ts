import { assertEquals } from "@std/assert";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { append, batchOf, LogWorld, partitionId, startAppend } from "./log_world.ts";

const OPTIONS = { files: 1, shardsPerFile: 1, segmentBytes: 20_000 };
const producer = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };

// Found by a review of the storage, 28 November 2026: for one microtask nobody told a roll of the producers.
Deno.test("A segment that is closed while a partition is being opened keeps the partition's producers", async () => {
  const batch = batchOf(["once"], { producer });
  for (let turns = 0; turns < 30; turns++) {
    const world = await LogWorld.open(OPTIONS);
    await append(await world.store.open(partitionId(0)), batch);
    await world.restart();
    const other = await world.store.open(partitionId(1));
    const { outcome } = startAppend(other, batchOf([new Uint8Array(30_000)])); // closes the segment
    for (let turn = 0; turn < turns; turn++) await null;
    await world.store.open(partitionId(0));
    await outcome;
    await append(other, batchOf(["after"]));
    await world.restart();
    const log = await world.store.open(partitionId(0));
    assertEquals(
      log.producers.check(readBatchHeader(batch)).kind,
      "duplicate",
      `opened ${turns} turns after the append`,
    );
  }
});
