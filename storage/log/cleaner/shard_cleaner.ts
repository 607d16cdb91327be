/**
 * The cleaner of a shard: one mechanism for retention, deletion, compaction and the order in which data lies.
 *
 * - Retention moves the start of logs; what lies before is dead.
 * - A segment of which nothing is wanted is deleted; one of which little is wanted is written anew without the rest.
 * - Compacted partitions are written anew with the last record of each key.
 * - A segment in which many partitions are mixed, and which is read often, is written anew in their order.
 *
 * One step at a time, one segment's memory at most; writers take turns with it.
 *
 * @module
 */
import type { TopicConfig } from "../../../config/topic_config.ts";
import type { Chunk } from "../chunk.ts";
import { ChunkCache } from "../chunk_cache.ts";
import { numberedRange } from "../keys.ts";
import { STEP_BYTES_MAX } from "../pacer.ts";
import type { PartitionIndex } from "../partition_index.ts";
import type { PartitionId } from "../partition_log.ts";
import type { StoredBytes } from "../read_cursor.ts";
import type { ReplacedSegment } from "../shard_catalogue.ts";
import { ShardReader } from "../shard_reader.ts";
import type { StoredPartition } from "../stored_partition.ts";
import { deleteRange, deleteSegment, type SweepSource } from "../sweeper.ts";
import { segmentUses } from "./choose_segments.ts";
import {
  canVanish,
  type CleanedShard,
  type CleaningJob,
  isDamage,
  runJob,
} from "./cleaning_job.ts";
import { CleaningRoom, NoRoomError, type Reserve } from "./cleaning_room.ts";
import { JobChoice, willPass } from "./job_choice.ts";
import { retainedFrom } from "./retention.ts";

/** Milliseconds that segments are kept after they were replaced, for reads that began before. */
export const REPLACED_KEPT_MS = 10_000;
/** Milliseconds after which no further job is begun: other shards and retention have their turn. */
const TURN_MS = 60_000;
/** Memory for chunks that the cleaner reads: each but once. */
const SCAN_BYTES = 2 * 1024 * 1024;
/** Chunks that are read at a time while writers are to be given way. */
const SCANNED_MAX = 8;

/** What a topic wants of the cleaner; null for one that is not known. */
export type PolicyOf = (id: PartitionId) => TopicConfig | null;

/** A shard, and what decides about its data. */
export interface ShardCleanerParts extends CleanedShard, SweepSource {
  readonly reader: ShardReader;
  readonly policyOf: PolicyOf;
  readonly reserve: Reserve;
  /** Memory for the keys of a partition that is being compacted. */
  readonly mapBytesMax: () => number;
  open(id: PartitionId): Promise<StoredPartition>;
  /** Moves the start of a log, durably. */
  advanceLogStart(index: PartitionIndex, offset: number): Promise<void>;
  /** Closes the open segment, if it has anything. */
  roll(): void;
}

/** The cleaner of one shard. Its methods are called one at a time. */
export class ShardCleaner {
  readonly #shard: ShardCleanerParts;
  readonly #room: CleaningRoom;
  readonly #choice: JobChoice;
  /** The last cleaning ended for lack of room. */
  #putOff = false;
  /** Something may lie behind the numbers that count: a cleaner died, or failed. */
  #litter = true;

  constructor(shard: ShardCleanerParts) {
    this.#shard = shard;
    this.#room = new CleaningRoom(shard.reserve, shard.environment.clock);
    this.#choice = new JobChoice(shard, this.#room, scanned(shard));
  }

  /** Whether the disk is too full to clean: retention is what can make room then. */
  get lacksRoom(): boolean {
    return this.#putOff || this.#room.isShort;
  }

  /** Moves the start of every log to where its topic's settings want it. */
  async retain(): Promise<void> {
    const { catalogue, policyOf, reader, environment } = this.#shard;
    const nowMs = environment.clock.now();
    for (const index of [...catalogue.partitions.values()]) {
      const config = policyOf(index.id);
      if (!config || index.removed) continue;
      try {
        const offset = await retainedFrom(index, config, reader, nowMs);
        if (offset > index.logStartOffset) await this.#shard.advanceLogStart(index, offset);
      } catch (error) {
        if (willPass(error, index)) throw error;
        this.#warn("retention fails at a partition", error, index.id);
      }
      await this.#shard.pause();
    }
  }

  /** Closes the open segment when a topic wants it: by `segment.ms`, `segment.bytes`, `max.compaction.lag.ms`. */
  rollIfDue(): void {
    const { catalogue, policyOf, environment } = this.#shard;
    const ageMs = environment.clock.now() - catalogue.openedAtMs;
    for (const { id, open } of catalogue.touched) {
      const config = open && policyOf(id);
      if (!config) continue;
      const lagMs = config.cleanupPolicy.has("compact") ? config.maxCompactionLagMs : Infinity;
      if (ageMs < Math.min(config.segmentMs, lagMs) && open.bytes < config.segmentBytes) continue;
      return this.#shard.roll();
    }
  }

  /** Does what there is to do, step by step. Returns whether something may be left when its turn was over. */
  async clean(): Promise<boolean> {
    await this.#removeLitter();
    await this.#deleteReplaced();
    await this.#dropDead();
    try {
      const left = await this.#runJobs();
      this.#putOff = false;
      return left;
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      if (!this.#putOff) this.#warn("cleaning waits for room on the disk", error);
      this.#putOff = true;
      await this.#removeLitter();
      return false;
    }
  }

  /**
   * Runs one job after the other. What they have replaced is deleted meanwhile: where much is written, the next job is due
   * before the last one has ended. Returns whether another may be due.
   *
   * @throws NoRoomError when there is no room to go on.
   */
  async #runJobs(): Promise<boolean> {
    const { clock } = this.#shard.environment;
    for (const begunMs = clock.monotonicMs(); clock.monotonicMs() - begunMs < TURN_MS;) {
      await this.#deleteReplaced();
      const job = await this.#choice.next();
      if (!job) return false;
      this.#litter = true;
      const told = toldOf(job);
      this.#debug("cleaning begins", told);
      try {
        await runJob(this.#shard, this.#room, job);
        this.#litter = false;
        this.#room.ended(job.spareMin, true);
        this.#debug("cleaned", told);
      } catch (error) {
        if (error instanceof NoRoomError) this.#room.ended(job.spareMin, false);
        this.#failed(job, error);
        await this.#removeLitter();
      }
    }
    return true;
  }

  /** @throws the error, if cleaning as a whole is to be tried again later. */
  #failed(job: CleaningJob, error: unknown): void {
    if (isDamage(error) && job.segments.some(({ damaged }) => damaged)) {
      this.#warn("a segment is damaged and stays as it is", error);
    } else if (willPass(error, job.at)) throw error;
    else {
      const left = this.#choice.leaveOut(job);
      this.#warn(
        "cleaning fails at something, which stays as it is until the next start",
        error,
        left,
      );
    }
  }

  /** Deletes what was written ahead and never published. */
  async #removeLitter(): Promise<void> {
    if (!this.#litter) return;
    const { shard, catalogue } = this.#shard;
    const { segment, sequence } = catalogue.nextCleaned;
    for (const kind of ["c", "s"] as const) {
      await deleteRange(this.#shard, numberedRange(kind, shard, sequence));
    }
    for (const kind of ["d", "m"] as const) {
      await deleteRange(this.#shard, numberedRange(kind, shard, segment));
    }
    for (const segment of catalogue.idlePublications) {
      await deleteSegment(this.#shard, { segment, firstSequence: 0, lastSequence: -1, bytes: 0 });
      catalogue.idlePublications.delete(segment);
    }
    this.#litter = false;
  }

  async #deleteReplaced(): Promise<void> {
    const { catalogue, environment } = this.#shard;
    const nowMs = environment.clock.monotonicMs();
    const isOld = ({ atMs }: ReplacedSegment) => nowMs - atMs >= REPLACED_KEPT_MS;
    // Newest last: what a segment has ended must be gone before it.
    for (const segment of [...catalogue.replaced.values()].filter(isOld)) {
      await deleteSegment(this.#shard, segment);
      catalogue.replaced.delete(segment.segment);
    }
  }

  /** Takes segments out of use that nobody wants anything of. */
  async #dropDead(): Promise<void> {
    const { catalogue, reader, environment } = this.#shard;
    for (const { state, liveBytes, parts } of segmentUses(catalogue).values()) {
      let wanted = liveBytes > 0 || catalogue.dirty.has(state.segment); // the sweep goes first
      try {
        for (const { index, part } of parts) wanted ||= !await canVanish(reader, index, part);
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.#warn("a segment next to damaged ones stays as it is", error);
        wanted = state.damaged = true;
      }
      if (wanted) continue;
      for (const { index, part } of parts) index.replaceClosed([part], []);
      catalogue.segments.delete(state.segment);
      catalogue.dirty.delete(state.segment);
      const atMs = environment.clock.monotonicMs();
      catalogue.replaced.set(state.segment, { ...state, atMs });
      reader.forgetLoads(state.segment);
    }
  }

  #debug(message: string, fields: Readonly<Record<string, unknown>>): void {
    const { environment, name } = this.#shard;
    environment.log.write("debug", `${name}: ${message}`, fields);
  }

  #warn(message: string, error: unknown, fields: object = {}): void {
    const { environment, name } = this.#shard;
    environment.log.write("error", `${name}: ${message}`, { ...fields, error });
  }
}

function toldOf({ segments }: CleaningJob): Readonly<Record<string, unknown>> {
  return {
    segments: segments.length,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * What readers have in memory; what they have not is read without driving out what they want, and chunks, however small, a
 * few at a time while writers are to be given way.
 */
function scanned(parts: ShardCleanerParts): StoredBytes {
  const { kv, shard, reader } = parts;
  const scan = new ShardReader(kv, shard, new ChunkCache(SCAN_BYTES));
  const chunks = async (refs: readonly number[]): Promise<Chunk[]> => {
    const found: Chunk[] = [];
    while (found.length < refs.length) {
      const count = parts.stepBytes() < STEP_BYTES_MAX ? SCANNED_MAX : refs.length;
      found.push(...await scan.chunks(refs.slice(found.length, found.length + count)));
      if (found.length < refs.length) await parts.pause();
    }
    return found;
  };
  return {
    cachedDetail: (part) => reader.cachedDetail(part),
    detail: (part) => reader.detail(part),
    cachedChunk: (ref) => reader.cachedChunk(ref) ?? scan.cachedChunk(ref),
    chunks,
    cachedParts: (parts) => reader.cachedParts(parts) ?? scan.cachedParts(parts),
    parts: (sequence, parts) => scan.parts(sequence, parts),
    prepare: () => {},
    noteLoads: () => {},
  };
}
