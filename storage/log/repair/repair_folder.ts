/**
 * Mends in a data folder what can be mended without guessing, and tells every change.
 *
 * - A value of which one bit has turned over gets it back: its checksum tells which.
 * - The summary of a segment is written anew from its details and its chunks.
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
import type { CheckReport } from "../check/report.ts";
import type { ShardFacts } from "../check/shard_facts.ts";
import { CommitBuilder } from "../commit_builder.ts";
import { chunkKey, CLEANED_FIRST, headKey, numbersOf, placeOf, sequenceOf } from "../keys.ts";
import { type BatchExtent, endAfter, lostBatches } from "../lost_offsets.ts";
import type { PartitionId } from "../partition_log.ts";
import { encodeOpenSegment } from "../shard_catalogue.ts";
import { rebuildSummary } from "./rebuild_summary.ts";
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
  const found = await checkStores(stores);
  const mended = await turnBits(options, found.report);
  const { report, shards } = dryRun ? found : await checkStores(stores);
  for (const facts of shards) {
    await rebuildSummaries(options, facts, mended);
    await declareLost(options, facts, report, mended);
  }
  const after = dryRun ? found : await checkStores(stores);
  await deleteOrphans(options, after.report);
  return dryRun ? found.report : (await checkStores(stores)).report;
}

/** Names of values, with their stores. */
type Names = ReadonlySet<string>;

/** Values of which a single bit is wrong. */
async function turnBits(
  { stores, dryRun, tell }: RepairOptions,
  { damage }: CheckReport,
): Promise<Names> {
  const turned = new Set<string>();
  for (const { store, key, name } of damage) {
    const kv = stores.get(store);
    const entry = kv && (await kv.get([key]))[0];
    if (!entry) continue;
    const test = isSoundValue(key);
    const mended = test && turnBack(entry.value, test);
    if (!mended) continue;
    turned.add(`${store} ${name}`);
    tell(`${store}, ${name}: bit ${mended.bit} is turned back, its checksum holds again`);
    if (!dryRun) await commit(kv, { sets: [{ key, value: mended.value }] });
  }
  return turned;
}

/** Summaries that more than one bit is wrong of. */
async function rebuildSummaries(
  { stores, dryRun, tell }: RepairOptions,
  facts: ShardFacts,
  mended: Names,
): Promise<void> {
  const { damage, store, shard } = facts;
  const kv = stores.get(store)!;
  const segments = damage.filter(({ name }) =>
    name.startsWith("m ") && !mended.has(`${store} ${name}`)
  ).map(({ key }) => numbersOf(key).major);
  for (const segment of new Set(segments)) {
    const sets = await rebuildSummary(kv, facts, segment);
    if (sets === null) continue;
    tell(`${store}, shard ${shard}: the summary of segment ${segment} is written anew`);
    if (!dryRun) { for (const set of sets) await commit(kv, { sets: [set] }); }
  }
}

/** Chunks of the open segment whose directory is gone for good. */
async function declareLost(
  { stores, environment, dryRun, tell }: RepairOptions,
  facts: ShardFacts,
  report: CheckReport,
  mended: Names,
): Promise<void> {
  const { head, shard, store } = facts;
  if (head === null) return;
  const keyOf = (ref: number) => chunkKey(shard, sequenceOf(ref), placeOf(ref));
  const unreadable = [...facts.unreadableChunks].filter((ref) =>
    sequenceOf(ref) >= head.firstSequence && sequenceOf(ref) < CLEANED_FIRST &&
    !mended.has(`${store} ${keyName(keyOf(ref))}`)
  );
  if (unreadable.length === 0) return;
  const kv = stores.get(store)!;
  const lost: BatchExtent[] = [];
  for (const sequence of new Set(unreadable.map(sequenceOf))) {
    const batches = await lostBatches(kv, shard, sequence);
    if (batches === null) {
      tell(`${store}, shard ${shard}: which offsets commit ${sequence} gave cannot be told: left`);
      return;
    }
    lost.push(...batches);
  }
  if (lost.some(({ from }) => from === 0)) {
    tell(
      `${store}, shard ${shard}: the first batch of a partition is lost, nobody knows of which: left`,
    );
    return;
  }
  const ends = report.partitions.filter((each) => each.shard === shard)
    .map((each) => ({ ...each, lostTo: endAfter(each.endOffset, lost) }))
    .filter(({ endOffset, lostTo }) => lostTo > endOffset);
  const keys = unreadable.map(keyOf);
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
  if (dryRun) return;
  const name = `shard ${shard}`;
  const chain = await CommitChain.takeOver({ name, kv, environment, headKey: headKey(shard) });
  const builder = new CommitBuilder<{ readonly id: PartitionId }>(
    new ChunkArena(kv.limits.valueBytesMax),
    kv.limits,
  );
  for (const { topicId, partition, endOffset, lostTo } of ends) {
    const bytes = buildBatch([], { lastOffsetDelta: lostTo - 1 - endOffset, baseTimestampMs: -1 });
    const header = readBatchHeader(bytes);
    const fits = builder.add({
      owner: { id: { topicId, partition } },
      baseOffset: endOffset,
      lastOffset: lostTo - 1,
      leaderEpoch: chain.epoch,
      maxTimestampMs: header.maxTimestampMs,
      crc: header.crc,
      producer: null,
    }, bytes);
    if (!fits) {
      throw new Error(`Cannot mend ${ends.length} partitions of shard ${shard} in one commit`);
    }
  }
  const sets = builder.seal().map(({ bytes }, n) => ({
    key: chunkKey(shard, chain.sequence + 1, n),
    value: bytes,
  }));
  const outcome = await chain.commit({ sets, deletes: keys }, encodeOpenSegment(head));
  if (outcome.kind === "refused") throw outcome.error;
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
