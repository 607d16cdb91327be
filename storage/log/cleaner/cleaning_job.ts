/**
 * One step of the cleaner: what is still wanted of some closed segments is written anew, partition by partition, and takes
 * their place in one commit.
 *
 * Before that commit nothing that was written counts, and a crash leaves only litter behind the numbers in use, which the next
 * cleaner removes first. After it the old segments count nothing; they are deleted a little later, in small steps, when
 * nobody can be reading them any more.
 *
 * @module
 */
import type { Batch } from "../../../protocol/records/batches.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { lastOffset } from "../../../protocol/records/batch_header.ts";
import type { Environment } from "../../../environment/environment.ts";
import type { Kv } from "../../kv/kv.ts";
import type { ClosedPart, PartitionIndex } from "../partition_index.ts";
import { partitionName } from "../partition_index.ts";
import type { AbortedTransaction } from "../partition_log.ts";
import { closedProducers } from "../producer_recovery.ts";
import type { ProducerFacts, ProducerStates } from "../producer_states.ts";
import { publicationKey } from "../keys.ts";
import { encodePublication } from "../publication.ts";
import type { StoredBytes } from "../read_cursor.ts";
import { newSegment, type SegmentState, type ShardCatalogue } from "../shard_catalogue.ts";
import type { SegmentDetail } from "../segment_summary.ts";
import type { ShardReader } from "../shard_reader.ts";
import type { Upkeep } from "../shard_writer.ts";
import { type CleaningRoom, NoRoomError } from "./cleaning_room.ts";
import { type ProducersAtEnd, SegmentOutput, type WrittenSegment } from "./segment_output.ts";
import { batchesOf } from "./segment_source.ts";

/** Batches' bytes between two looks at whether it is time to pause; and what a batch counts for, however small. */
export const LOOK_BYTES = 32 * 1024;
export const BATCH_COST_BYTES = 200;

/** What the cleaner needs of a shard. */
export interface CleanedShard {
  readonly shard: number;
  readonly name: string;
  readonly kv: Kv;
  readonly environment: Environment;
  readonly catalogue: ShardCatalogue;
  readonly reader: ShardReader;
  readonly segmentBytes: number;
  maintain(change: Upkeep): Promise<void>;
  /** Like `maintain`, but false when the store refuses it now. */
  writeAhead(change: Upkeep): Promise<boolean>;
  /** Stored bytes to be read, written or deleted at a time: few while batches are coming, whose commits wait meanwhile. */
  stepBytes(): number;
  /** Gives way to writers; called between steps. @throws when the shard stops. */
  pause(): Promise<void>;
}

/** Decides what is kept of the batches of one partition, which come in order. */
export interface BatchFilter {
  /** The batch as it is to be stored: itself, rewritten, or null when nothing is left of it. */
  filter(batch: Batch): Batch | null;
  /** All before this offset has been looked at for repeated keys. */
  readonly cleanedTo: number;
  /** Whether the marker of an aborted transaction was dropped. */
  isForgotten(aborted: AbortedTransaction): boolean;
}

/** A job: which segments to write anew. */
export interface CleaningJob {
  readonly segments: readonly SegmentState[];
  /** Where to read them from. */
  readonly bytes: StoredBytes;
  /** Partitions whose segments are kept apart from the others', because they are cleaned again and again. */
  readonly isApart: (index: PartitionIndex) => boolean;
  /** Whether a partition is compacted, and not only copied. */
  readonly compacts: (index: PartitionIndex) => boolean;
  /** The filter of a partition that is compacted; null for one that is only copied. */
  readonly filterOf: (index: PartitionIndex) => Promise<BatchFilter | null>;
  /** Bytes over the disk's reserve that it leaves. */
  readonly spareMin: number;
  /** The partition that is being worked on. */
  at: PartitionIndex | null;
}

/** Parts of a partition that lie side by side, and what has taken their place. */
interface Replacement {
  readonly index: PartitionIndex;
  readonly group: readonly ClosedPart[];
}

/**
 * Carries a job out.
 *
 * @throws NoRoomError when the disk has no room for it.
 */
export async function runJob(
  shard: CleanedShard,
  room: CleaningRoom,
  job: CleaningJob,
): Promise<void> {
  const { catalogue, kv, environment } = shard;
  const numbers = new Set(job.segments.map(({ segment }) => segment));
  const output = new SegmentOutput({
    shard: shard.shard,
    limits: kv.limits,
    random: environment.random,
    next: catalogue.nextCleaned,
    segmentBytes: shard.segmentBytes,
    store: (sets) => storeAhead(shard, sets, (bytes) => room.take(bytes, job.spareMin)),
  });
  const replacements: Replacement[] = [];
  for (const apart of [true, false]) {
    for (const index of partitionsIn(catalogue, numbers)) {
      if (job.isApart(index) !== apart) continue;
      job.at = index;
      const filter = await job.filterOf(index);
      for (const group of groupsOf(index, numbers)) {
        await copyGroup(shard, job, output, index, group, filter);
        replacements.push({ index, group });
      }
    }
    job.at = null;
    await output.endSegment();
  }
  await publish(shard, job.segments, await output.finish(), replacements);
}

/** Stores values that count nothing yet; in small commits while others wait for theirs. */
async function storeAhead(
  shard: CleanedShard,
  sets: NonNullable<Upkeep["sets"]>,
  take: (bytes: number) => void,
): Promise<void> {
  for (let at = 0; at < sets.length;) {
    const count = Math.max(1, Math.floor(shard.stepBytes() / shard.kv.limits.valueBytesMax));
    const some = sets.slice(at, at + count);
    take(some.reduce((sum, { key, value }) => sum + key.length + value.length, 0));
    await writeAhead(shard, { sets: some });
    await shard.pause();
    at += count;
  }
}

async function writeAhead(shard: CleanedShard, change: Upkeep): Promise<void> {
  if (!await shard.writeAhead(change)) throw new NoRoomError("The store refuses what is cleaned");
}

function partitionsIn({ partitions }: ShardCatalogue, numbers: ReadonlySet<number>) {
  const found = [...partitions.values()].filter(({ closed }) =>
    closed.some(({ segment }) => numbers.has(segment))
  );
  return found.sort((a, b) => partitionName(a.id) < partitionName(b.id) ? -1 : 1);
}

/** The parts of a partition in these segments, those that lie side by side together. */
function groupsOf({ closed }: PartitionIndex, numbers: ReadonlySet<number>): ClosedPart[][] {
  const groups: ClosedPart[][] = [];
  closed.forEach((part, at) => {
    if (!numbers.has(part.segment)) return;
    const before = closed[at - 1];
    if (before && numbers.has(before.segment)) groups.at(-1)!.push(part);
    else groups.push([part]);
  });
  return groups;
}

async function copyGroup(
  shard: CleanedShard,
  { bytes }: CleaningJob,
  output: SegmentOutput,
  index: PartitionIndex,
  group: readonly ClosedPart[],
  filter: BatchFilter | null,
): Promise<void> {
  const [{ firstOffset }, { endOffset }] = [group[0], group.at(-1)!];
  const { logStartOffset } = index;
  const details: SegmentDetail[] = [];
  let next = Math.max(firstOffset, Math.min(logStartOffset, endOffset));
  let bytesAtOnce = 0;
  try {
    for await (const batches of batchesOf(index, bytes, next, endOffset, shard)) {
      for (const batch of batches) {
        next = lastOffset(batch.header) + 1;
        const kept = filter ? filter.filter(batch) : batch;
        if (kept) await output.add(index, kept.header, kept.bytes);
        bytesAtOnce += batch.bytes.length + BATCH_COST_BYTES;
        if (bytesAtOnce < LOOK_BYTES) continue;
        bytesAtOnce = 0;
        await shard.pause();
      }
    }
    for (const part of group) {
      next = part.firstOffset;
      details.push(await shard.reader.detail(part));
    }
  } catch (error) {
    if (isDamage(error)) noteDamage(shard, group, next);
    throw error;
  }
  const aborted = details.flatMap(({ aborted }) => aborted).filter((transaction) =>
    transaction.lastOffset >= logStartOffset && !filter?.isForgotten(transaction)
  );
  const dirtyFrom = Math.max(
    group.find((part) => part.dirtyFrom < part.endOffset)?.dirtyFrom ?? endOffset,
    filter?.cleanedTo ?? 0,
  );
  output.endGroup(index, {
    endOffset,
    dirtyFrom,
    producers: await producersAtEnd(shard, index, group, details),
    // Those that ended before the log begins are forgotten: Kafka's `LeaderEpochFileCache.truncateFromStart`.
    epochs: index.epochs.filter(({ startOffset }, at) =>
      startOffset >= firstOffset && startOffset < endOffset &&
      (index.epochs[at + 1]?.startOffset ?? Infinity) > logStartOffset
    ),
    aborted,
  }, !await canVanish(shard.reader, index, group.at(-1)!));
}

/** What cannot be read is not thrown away: the segment stays as it is. */
export function noteDamage(
  { catalogue }: Pick<CleanedShard, "catalogue">,
  group: readonly ClosedPart[],
  offset: number,
): void {
  const part = group.find(({ endOffset }) => offset < endOffset) ?? group.at(-1)!;
  const state = catalogue.segments.get(part.segment);
  if (state) state.damaged = true;
}

/** Whether stored bytes are not what was written. */
export function isDamage(error: unknown): boolean {
  return error instanceof KafkaError && error.kind === "CORRUPT_MESSAGE";
}

/** How the producers stood at the end of a group; when a snapshot cannot be read, as the log tells it. */
async function producersAtEnd(
  shard: CleanedShard,
  index: PartitionIndex,
  group: readonly ClosedPart[],
  details: readonly SegmentDetail[],
): Promise<ProducersAtEnd> {
  try {
    return toldProducers(details);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { closed } = index;
    const parts = closed.slice(0, closed.indexOf(group.at(-1)!) + 1);
    const states = await closedProducers(shard, index, parts);
    return { write: (writer) => states.encode(writer), events: [] };
  }
}

/**
 * The last snapshot of several parts, and what came behind it.
 *
 * @throws RangeError when a snapshot cannot be read.
 */
function toldProducers(details: readonly SegmentDetail[]): ProducersAtEnd {
  let states: ProducerStates | null = null;
  let events: ProducerFacts[] = [];
  for (const { producers } of details) {
    if (producers.kind === "snapshot") {
      states = producers.states();
      events = [];
    } else if (producers.kind === "events") {
      if (states) { for (const facts of producers.events) states.apply(facts); }
      else events.push(...producers.events);
    }
  }
  const last = states;
  return { write: last && ((writer) => last.encode(writer)), events };
}

/**
 * Whether nothing is lost when a part in front of the log's start is not there any more: the end of the log and its producers
 * are told by a later one.
 */
export async function canVanish(
  reader: ShardReader,
  index: PartitionIndex,
  part: ClosedPart,
): Promise<boolean> {
  const { closed } = index;
  const next = closed[closed.indexOf(part) + 1];
  if (part.endOffset > index.logStartOffset || next === undefined) return false;
  const detail = reader.cachedDetail(next) ?? await reader.detail(next);
  return detail.producers.kind === "snapshot";
}

/** Makes what was written count, and the segments that it was made of not. */
async function publish(
  shard: CleanedShard,
  segments: readonly SegmentState[],
  written: readonly WrittenSegment[],
  replacements: readonly Replacement[],
): Promise<void> {
  const ended = segments.map(({ segment }) => segment);
  const sets = written.map(({ head }, n) => ({
    key: publicationKey(shard.shard, head.segment),
    value: encodePublication(n === 0 ? ended : []),
  }));
  const applied = () => takePlace(shard, segments, written, replacements);
  if (sets.length > 0) await writeAhead(shard, { sets, applied });
  else applied(); // nothing was kept: by the next start this is found out again
}

function takePlace(
  { catalogue, environment, reader }: CleanedShard,
  segments: readonly SegmentState[],
  written: readonly WrittenSegment[],
  replacements: readonly Replacement[],
): void {
  const parts = new Map<string, ClosedPart[]>();
  for (const { head, entries } of written) {
    catalogue.segments.set(head.segment, newSegment(head));
    catalogue.noteCleaned(head);
    for (const { id, part } of entries) {
      const name = partitionName(id);
      if (!catalogue.partitions.has(name)) catalogue.noteDirty(head.segment, name);
      parts.set(name, [...parts.get(name) ?? [], part]);
    }
  }
  for (const { index, group } of replacements) {
    if (index.removed) continue;
    const end = group.at(-1)!.endOffset;
    const mine = parts.get(partitionName(index.id)) ?? [];
    const count = mine.findIndex((part) => part.endOffset > end);
    index.replaceClosed(group, mine.splice(0, count < 0 ? mine.length : count));
  }
  for (const state of segments) {
    catalogue.segments.delete(state.segment);
    catalogue.dirty.delete(state.segment);
    reader.forgetLoads(state.segment);
    catalogue.replaced.set(state.segment, { ...state, atMs: environment.clock.monotonicMs() });
  }
}
