/**
 * Mends in a data folder what can be mended without guessing, and tells every change.
 *
 * - A value of which one bit has turned over gets it back: its checksum tells which.
 * - What nothing leads to is deleted.
 * - Where the directory of a chunk at the end of the open segment is lost, the chunk goes, and an empty batch takes the place of
 *   the offsets that may have been given there: they are never given again, and readers pass over them.
 *
 * What else is damaged stays as it is: reads of it answer CORRUPT_MESSAGE.
 *
 * @module
 */
import type { Environment } from "../../../environment/environment.ts";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { CommitChain } from "../../chain/commit_chain.ts";
import type { Kv, KvCommit } from "../../kv/kv.ts";
import { ChunkArena } from "../chunk_arena.ts";
import { type CheckedStores, checkStores } from "../check/check_folder.ts";
import { isSoundValue } from "../check/sound_value.ts";
import { keyName } from "../check/key_name.ts";
import { type CheckReport, isSound } from "../check/report.ts";
import type { ShardFacts } from "../check/shard_facts.ts";
import { CommitBuilder } from "../commit_builder.ts";
import { chunkKey, CLEANED_FIRST, headKey, placeOf, sequenceOf } from "../keys.ts";
import { type BatchExtent, endAfter, lostBatches } from "../lost_offsets.ts";
import type { PartitionId } from "../partition_log.ts";
import { encodeOpenSegment } from "../shard_catalogue.ts";
import { turnBack } from "./turn_back.ts";

/** What a repair works on. */
export interface RepairOptions {
  readonly stores: CheckedStores;
  readonly environment: Environment;
  /** Only tells what would be done. */
  readonly dryRun: boolean;
  /** Called before each change, with a line that says it. */
  readonly tell: (line: string) => void;
}

/** Deletes per commit. */
const DELETES_PER_COMMIT = 200;

/** Mends what can be mended. Returns what a check finds afterwards (in a dry run: what it found before). */
export async function repairStores(options: RepairOptions): Promise<CheckReport> {
  const { stores, dryRun } = options;
  let { report } = await checkStores(stores);
  if (await turnBits(options, report) && !dryRun) ({ report } = await checkStores(stores));
  const { shards } = await checkStores(stores);
  let changed = false;
  for (const facts of shards) changed = await declareLost(options, facts, report) || changed;
  if (changed && !dryRun) ({ report } = await checkStores(stores));
  await deleteOrphans(options, report);
  return dryRun || isSound(report) && report.orphans.length === 0
    ? report
    : (await checkStores(stores)).report;
}

/** Values of which a single bit is wrong. */
async function turnBits(
  { stores, dryRun, tell }: RepairOptions,
  { damage }: CheckReport,
): Promise<boolean> {
  let changed = false;
  for (const { store, key, name } of damage) {
    const kv = stores.get(store)!;
    const [entry] = await kv.get([key]);
    if (!entry) continue;
    const test = isSoundValue(key);
    const mended = test && turnBack(entry.value, test);
    if (!mended) continue;
    changed = true;
    tell(`${store}, ${name}: bit ${mended.bit} is turned back, its checksum holds again`);
    if (!dryRun) await commit(kv, { sets: [{ key, value: mended.value }] });
  }
  return changed;
}

/** Chunks of the open segment whose directory is gone for good. */
async function declareLost(
  { stores, environment, dryRun, tell }: RepairOptions,
  facts: ShardFacts,
  report: CheckReport,
): Promise<boolean> {
  const { head, shard, store } = facts;
  if (head === null) return false;
  const unreadable = [...facts.unreadableChunks].filter((ref) =>
    sequenceOf(ref) >= head.firstSequence && sequenceOf(ref) < CLEANED_FIRST
  );
  if (unreadable.length === 0) return false;
  const kv = stores.get(store)!;
  const lost: BatchExtent[] = [];
  for (const sequence of new Set(unreadable.map(sequenceOf))) {
    const batches = await lostBatches(kv, shard, sequence);
    if (batches === null) {
      tell(`${store}, shard ${shard}: which offsets commit ${sequence} gave cannot be told: left`);
      return false;
    }
    lost.push(...batches);
  }
  const ends = report.partitions.filter((each) => each.shard === shard)
    .map((each) => ({ ...each, lostTo: endAfter(each.endOffset, lost) }))
    .filter(({ endOffset, lostTo }) => lostTo > endOffset);
  const keys = unreadable.map((ref) => chunkKey(shard, sequenceOf(ref), placeOf(ref)));
  for (const key of keys) {
    tell(`${store}, ${keyName(key)}: the chunk is deleted, its directory is lost`);
  }
  for (const { topic, topicId, partition, endOffset, lostTo } of ends) {
    tell(
      `${topic ?? topicId}-${partition}: offsets ${endOffset} to ${
        lostTo - 1
      } may be lost: an empty batch takes their place`,
    );
  }
  if (dryRun) return true;
  const name = `shard ${shard}`;
  const chain = await CommitChain.takeOver({ name, kv, environment, headKey: headKey(shard) });
  const builder = new CommitBuilder<{ readonly id: PartitionId }>(
    new ChunkArena(kv.limits.valueBytesMax),
    kv.limits,
  );
  for (const { topicId, partition, endOffset, lostTo } of ends) {
    const bytes = buildBatch([], { lastOffsetDelta: lostTo - 1 - endOffset, baseTimestampMs: -1 });
    const header = readBatchHeader(bytes);
    builder.add({
      owner: { id: { topicId, partition } },
      baseOffset: endOffset,
      lastOffset: lostTo - 1,
      leaderEpoch: chain.epoch,
      maxTimestampMs: header.maxTimestampMs,
      crc: header.crc,
      producer: null,
    }, bytes);
  }
  const sets = builder.seal().map(({ bytes }, n) => ({
    key: chunkKey(shard, chain.sequence + 1, n),
    value: bytes,
  }));
  const outcome = await chain.commit({ sets, deletes: keys }, encodeOpenSegment(head));
  if (outcome.kind === "refused") throw outcome.error;
  return true;
}

async function deleteOrphans(
  { stores, dryRun, tell }: RepairOptions,
  { orphans }: CheckReport,
): Promise<void> {
  for (const { store, what, keys, bytes } of orphans) {
    tell(`${store}: ${keys.length} ${what}, ${bytes} bytes, that nothing leads to, are deleted`);
    for (let at = 0; at < keys.length && !dryRun; at += DELETES_PER_COMMIT) {
      await commit(stores.get(store)!, { deletes: keys.slice(at, at + DELETES_PER_COMMIT) });
    }
  }
}

async function commit(kv: Kv, change: KvCommit): Promise<void> {
  const outcome = await kv.commit(change);
  if (outcome.kind === "refused" || outcome.kind === "unknown") throw outcome.error;
}
