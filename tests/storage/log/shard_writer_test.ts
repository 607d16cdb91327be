import { assert, assertEquals, assertRejects } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { CommitChain } from "../../../storage/chain/commit_chain.ts";
import { key } from "../../../storage/kv/key.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { headKey } from "../../../storage/log/keys.ts";
import { ShardWriter, type ShardWriterOptions } from "../../../storage/log/shard_writer.ts";
import { appendValues, environmentOf, LogWorld, partitionId, settle } from "./log_world.ts";

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
