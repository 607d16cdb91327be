/**
 * What the cleaner of a shard does next, and what it does not try again.
 *
 * @module
 */
import { KafkaError } from "../../../protocol/errors.ts";
import type { PartitionIndex } from "../partition_index.ts";
import type { StoredBytes } from "../read_cursor.ts";
import {
  isMixed,
  oftenRead,
  type SegmentUse,
  segmentUses,
  sparseSegments,
} from "./choose_segments.ts";
import { type CleaningRoom, NoRoomError } from "./cleaning_room.ts";
import { type CleaningJob, isDamage, noteDamage } from "./cleaning_job.ts";
import { prepareCompaction } from "./compaction.ts";
import {
  type CompactionPlan,
  compactionPlan,
  isDue,
  planBefore,
  requireDirty,
} from "./compaction_plan.ts";
import { HASH_KEY_BYTES } from "./key_hash.ts";
import { wholeSegments } from "./segment_source.ts";
import type { ShardCleanerParts } from "./shard_cleaner.ts";

/** Compaction takes more partitions into a job up to so many segments' worth of bytes. */
const JOB_SEGMENTS_MAX = 8;
/** Segments in which partitions are mixed are read into so much memory, or one of them. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;

/** A job before anything was read for it. */
interface JobDraft {
  readonly uses: readonly SegmentUse[];
  /** Partitions to compact on the way. */
  readonly plans: readonly CompactionPlan[];
  /** Those of the segments that are read into memory as a whole. */
  readonly whole: readonly SegmentUse[];
}

/** Chooses the jobs of one shard. */
export class JobChoice {
  readonly #shard: ShardCleanerParts;
  readonly #room: CleaningRoom;
  readonly #bytes: StoredBytes;
  /** Partitions whose compaction failed in a way that will not pass: they are left out until the next start. */
  readonly #leftOut = new WeakSet<PartitionIndex>();

  /** `bytes` is where segments are read from. */
  constructor(shard: ShardCleanerParts, room: CleaningRoom, bytes: StoredBytes) {
    this.#shard = shard;
    this.#room = room;
    this.#bytes = bytes;
  }

  /**
   * The next job; null when there is nothing to do.
   *
   * @throws NoRoomError when there is no room for any.
   */
  async next(): Promise<CleaningJob | null> {
    const drafts = await this.#drafts();
    for (const draft of drafts) {
      const spareMin = this.#room.spareMinOf(liveBytesOf(draft));
      if (spareMin !== null) return await this.#job(draft, spareMin);
    }
    if (drafts.length === 0) return null;
    throw new NoRoomError("The disk has no room to clean");
  }

  /**
   * A job failed for good: what it failed at is not chosen any more, so that all else is still cleaned. Returns what that
   * is, to be told.
   */
  leaveOut(job: CleaningJob): Readonly<Record<string, unknown>> {
    const { at } = job;
    if (at && job.compacts(at) && !this.#leftOut.has(at)) {
      this.#leftOut.add(at);
      return { ...at.id };
    }
    const segmentsAt = new Set(at?.closed.map(({ segment }) => segment));
    const its = job.segments.filter(({ segment }) => segmentsAt.has(segment));
    const left = its.length > 0 ? its : job.segments;
    for (const state of left) state.damaged = true;
    return { segments: left.map(({ segment }) => segment) };
  }

  /** What could be done, what matters most first. */
  async #drafts(): Promise<readonly JobDraft[]> {
    const { catalogue, segmentBytes, reader } = this.#shard;
    const uses = segmentUses(catalogue);
    const drafts: JobDraft[] = [];
    const plans = await this.#duePlans(uses);
    if (plans.length > 0) drafts.push(this.#compaction(plans, uses));
    const often = oftenRead(uses.values(), (segment) => reader.loadsOf(segment));
    if (often) drafts.push(inOrder(often));
    const { sureBytes } = this.#room;
    const fitting = [...uses.values()].filter(({ liveBytes }) => liveBytes <= sureBytes);
    for (const [from, bytesMax] of [[fitting, sureBytes], [uses.values(), Infinity]] as const) {
      const sparse = sparseSegments(from, Math.min(segmentBytes, bytesMax));
      const mixed = sparse.find(isMixed);
      if (mixed) drafts.push(inOrder(mixed));
      else if (sparse.length > 0) drafts.push({ uses: sparse, plans: [], whole: [] });
    }
    return drafts;
  }

  /**
   * Mixed segments are read as a whole: as many as there is memory for, one at least. Of more, what lies in front of the
   * rest is compacted when that is due by itself. Until then they are put in order, one by one: so what is clean is
   * not written again for each of them, and compaction comes to its turn however quickly new ones come.
   */
  #compaction(
    plans: readonly CompactionPlan[],
    uses: ReadonlyMap<number, SegmentUse>,
  ): JobDraft {
    const mixed = usesOf(plans, uses).filter(isMixed);
    const rest = new Set(this.#tooMany(mixed).map(({ state }) => state.segment));
    const nowMs = this.#shard.environment.clock.now();
    const front = plans.flatMap((plan) => planBefore(plan, rest) ?? [])
      .filter((plan) => rest.size === 0 || isDue(plan, nowMs));
    if (front.length === 0) return inOrder(mixed[0]);
    const compacted = usesOf(front, uses);
    return { uses: compacted, plans: front, whole: compacted.filter(isMixed) };
  }

  /** Those of the segments, oldest first, that memory has no room for. */
  #tooMany(mixed: readonly SegmentUse[]): readonly SegmentUse[] {
    const bytesMax = Math.min(WHOLE_BYTES_MAX, this.#shard.segmentBytes * JOB_SEGMENTS_MAX);
    let bytes = 0;
    const count = mixed.findIndex(({ state }, at) => (bytes += state.bytes) > bytesMax && at > 0);
    return count < 0 ? [] : mixed.slice(count);
  }

  async #job({ uses, plans, whole }: JobDraft, spareMin: number): Promise<CleaningJob> {
    const { kv, shard, policyOf } = this.#shard;
    const bytes = await wholeSegments(
      kv,
      shard,
      whole.map(({ state }) => state),
      this.#bytes,
      this.#shard,
    );
    const planOf = (index: PartitionIndex) => plans.find((plan) => plan.index === index);
    return {
      segments: uses.map(({ state }) => state),
      bytes,
      isApart: ({ id }) => policyOf(id)?.cleanupPolicy.has("compact") ?? false,
      compacts: (index) => planOf(index) !== undefined,
      filterOf: (index) => this.#filterOf(planOf(index), bytes),
      spareMin,
      at: null,
    };
  }

  /** Partitions that are due for compaction, dirtiest first: as many as make a job. */
  async #duePlans(uses: ReadonlyMap<number, SegmentUse>): Promise<CompactionPlan[]> {
    const { catalogue, policyOf, environment, segmentBytes } = this.#shard;
    const nowMs = environment.clock.now();
    const due: CompactionPlan[] = [];
    for (const index of catalogue.partitions.values()) {
      const config = policyOf(index.id);
      if (!config?.cleanupPolicy.has("compact") || this.#leftOut.has(index)) continue;
      const plan = compactionPlan(index, config, nowMs);
      if (!plan || !isDue(plan, nowMs)) continue;
      const stableOffset = await this.#stableOffsetOf(index);
      if (stableOffset === null) continue;
      const endOffset = Math.min(plan.endOffset, stableOffset);
      const readable = plan.parts.every(({ segment }) => uses.has(segment));
      const stable = requireDirty({ ...plan, endOffset });
      if (readable && stable) due.push(stable);
    }
    due.sort((a, b) => b.dirtyRatio - a.dirtyRatio);
    const chosen: CompactionPlan[] = [];
    const segments = new Set<number>();
    for (const plan of due) {
      const together = new Set([...segments, ...plan.parts.map(({ segment }) => segment)]);
      const bytes = [...together].reduce((sum, each) => sum + uses.get(each)!.state.bytes, 0);
      if (chosen.length > 0 && bytes > segmentBytes * JOB_SEGMENTS_MAX) continue;
      chosen.push(plan);
      for (const { segment } of plan.parts) segments.add(segment);
    }
    return chosen;
  }

  /** Null when the partition cannot be opened, and is left out for that. */
  async #stableOffsetOf(index: PartitionIndex): Promise<number | null> {
    try {
      return (await this.#shard.open(index.id)).lastStableOffset;
    } catch (error) {
      if (willPass(error, index)) throw error;
      this.#leftOut.add(index);
      const { environment, name } = this.#shard;
      const message = `${name}: a partition cannot be opened, and is compacted no more`;
      environment.log.write("error", message, { ...index.id, error });
      return null;
    }
  }

  async #filterOf(plan: CompactionPlan | undefined, bytes: StoredBytes) {
    // To open what was removed meanwhile would make something new of it, for ever.
    if (!plan || plan.index.removed) return null;
    const { environment, mapBytesMax } = this.#shard;
    const log = await this.#shard.open(plan.index.id);
    const { logStartOffset } = plan.index;
    return await prepareCompaction(plan, {
      bytes,
      nowMs: environment.clock.now(),
      mapBytesMax: mapBytesMax(),
      random: environment.random.bytes(HASH_KEY_BYTES),
      aborted: await log.abortedTransactions(logStartOffset, plan.endOffset),
      lastRecords: log.producers.lastRecords(),
      stepBytes: () => this.#shard.stepBytes(),
      pause: () => this.#shard.pause(),
      onDamage: (offset, error) => isDamage(error) && noteDamage(this.#shard, plan.parts, offset),
    });
  }
}

/**
 * Whether what stopped the cleaner will pass, or stops it for ever as a whole: the store failed, the shard is closing,
 * something was deleted meanwhile. Anything else comes of the data, and would come again.
 */
export function willPass(error: unknown, at: PartitionIndex | null): boolean {
  return error instanceof KafkaError && !isDamage(error) || at?.removed === true;
}

/** One segment, anew in the order of partitions. */
function inOrder(use: SegmentUse): JobDraft {
  return { uses: [use], plans: [], whole: [use] };
}

/** The most that a job may write. */
function liveBytesOf({ uses }: JobDraft): number {
  return uses.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
}

/** The segments that plans have parts in, oldest first. */
function usesOf(
  plans: readonly CompactionPlan[],
  uses: ReadonlyMap<number, SegmentUse>,
): SegmentUse[] {
  const numbers = new Set(plans.flatMap(({ parts }) => parts.map(({ segment }) => segment)));
  return [...numbers].map((segment) => uses.get(segment)!)
    .sort((a, b) => a.state.segment - b.state.segment);
}
