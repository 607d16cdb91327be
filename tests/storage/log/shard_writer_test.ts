import { assert, assertEquals, assertRejects } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { CommitChain } from "../../../storage/chain/commit_chain.ts";
import { key } from "../../../storage/kv/key.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import type { BatchOwner } from "../../../storage/log/commit_builder.ts";
import { headKey } from "../../../storage/log/keys.ts";
import { ShardWriter, type ShardWriterOptions } from "../../../storage/log/shard_writer.ts";
import {
  appendValues,
  batchOf,
  environmentOf,
  LogWorld,
  partitionId,
  settle,
} from "./log_world.ts";

const ONE_SHARD = { files: 1, shardsPerFile: 1 };
const sets = [{ key: key("x"), value: Uint8Array.of(1) }];

async function writerOf(more: Partial<ShardWriterOptions> = {}) {
  const environment = environmentOf(1);
  const kv = await new MemoryDisk().openFolder().open("log-0");
  const chain = await CommitChain.takeOver({
    name: "shard 0",
    kv,
    environment,
    headKey: headKey(0),
  });
  const writer = new ShardWriter({
    name: "shard 0",
    shard: 0,
    kv,
    chain,
    environment,
    state: new Uint8Array(0),
    onChunks: () => {},
    onSettled: () => {},
    onFenced: () => {},
    ...more,
  });
  return { writer, environment };
}

// Found by a review of the storage, 28 November 2026: what was in flight then was waited for without an end.
Deno.test("Removal and upkeep in flight fail when the shard is taken over", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  await appendValues(log, "a");
  world.fate = () => Promise.resolve({ kind: "conflict" });
  const removed = assertRejects(
    () => world.store.remove([partitionId()]),
    KafkaError,
    "taken over",
  );
  const moved = assertRejects(() => log.advanceLogStart(1), KafkaError, "taken over");
  await settle();
  assert(world.fenced);
  await Promise.all([removed, moved]);
});

Deno.test("Upkeep fails when what is to follow from it throws, and so does all behind it", async () => {
  const { writer, environment } = await writerOf();
  const applied = () => {
    throw new Error("a mistake");
  };
  const changes = [{ sets }, { sets, applied }, { sets }].map((change) => writer.maintain(change));
  const outcomes = await Promise.allSettled(changes);
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  assertEquals(writer.stopped?.message, "shard 0 stopped: Error: a mistake");
  assertEquals(environment.lines.map(({ message }) => message), ["shard 0: the committer failed"]);
});

Deno.test("Upkeep in flight fails when the writer is stopped", async () => {
  const { writer } = await writerOf();
  const change = assertRejects(() => writer.maintain({ sets }), Error, "enough");
  await null;
  await null; // it is on its way
  writer.stop(new Error("enough"));
  await change;
});

// Found by a review of the storage, 28 November 2026: nobody waits for the committer, so each of these ended the process.
Deno.test("A writer stops, and nothing more, when what follows from a commit throws", async () => {
  const onSettled = () => {
    throw new Error("a mistake");
  };
  const { writer } = await writerOf({ onSettled });
  await writer.maintain({ sets });
  await writer.drain();
  assertEquals(writer.stopped?.message, "shard 0 stopped: Error: a mistake");
  await assertRejects(() => writer.maintain({ sets }), KafkaError, "a mistake");
});

Deno.test("A writer stops, and nothing more, when a batch cannot be told that it failed", async () => {
  const { writer, environment } = await writerOf();
  const owner: BatchOwner = {
    id: partitionId(),
    committed: () => {},
    revert: () => {
      throw new Error("another mistake");
    },
    fail: () => {},
  };
  const bytes = batchOf(["a"]);
  const { crc, maxTimestampMs } = readBatchHeader(bytes);
  const batch = { owner, baseOffset: 0, lastOffset: 0, leaderEpoch: 0, maxTimestampMs, crc };
  writer.append({ ...batch, producer: null }, bytes);
  const change = assertRejects(() => writer.maintain({ sets }), Error, "enough");
  await null;
  writer.stop(new Error("enough"));
  await change;
  await writer.drain();
  assertEquals(environment.lines.map(({ message }) => message), [
    "shard 0: batches could not be told that they failed",
  ]);
});

Deno.test("Upkeep of a log goes on after a look that failed", async () => {
  let looks = 0;
  const world = await LogWorld.open({ ...ONE_SHARD, cleanerIntervalMs: 1_000 }, () => {
    looks++;
    throw new Error("no settings");
  });
  await appendValues(await world.store.open(partitionId()), "a");
  await world.environment.advance(3_500);
  assertEquals(looks, 3);
  const told = world.environment.lines.map(({ message, fields }) => `${message}: ${fields?.error}`);
  assertEquals(told, Array(3).fill("shard 0: cleaning is put off: Error: no settings"));
});
