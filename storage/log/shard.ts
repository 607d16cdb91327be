/**
 * A shard: one chain of commits, and the partitions whose batches it holds.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { InvariantError, KafkaError } from "../../protocol/errors.ts";
import { CommitChain } from "../chain/commit_chain.ts";
import type { Kv } from "../kv/kv.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { type PolicyOf, ShardCleaner } from "./cleaner/shard_cleaner.ts";
import type { NewBatch, SealedChunk, StagedPart } from "./commit_builder.ts";
import type { DiskReserve } from "./disk_reserve.ts";
import { chunkRef, headKey, logStartKey, tombstoneKey } from "./keys.ts";
import { encodeLogStart } from "./log_start.ts";
import { PartitionIndex, partitionName } from "./partition_index.ts";
import type { PartitionId } from "./partition_log.ts";
import { type Pace, type Pacer, STEP_BYTES_MAX } from "./pacer.ts";
import { loadProducers } from "./producer_recovery.ts";
import { freezeSegment, type SegmentRoll } from "./segment_roll.ts";
import { encodeOpenSegment, newSegment, type ShardCatalogue } from "./shard_catalogue.ts";
import { ShardReader } from "./shard_reader.ts";
import { recoverShard } from "./shard_recovery.ts";
import { ShardWriter } from "./shard_writer.ts";
import { type PartitionHome, StoredPartition } from "./stored_partition.ts";
import { nextTombstone, sweep } from "./sweeper.ts";
import { encodeTombstone, TOMBSTONE_PARTITIONS_MAX } from "./tombstone.ts";

/** A shard, and what the log as a whole gives to it. */
export interface ShardOptions {
  /** For messages: `shard 2`. */
  readonly name: string;
  readonly shard: number;
  readonly kv: Kv;
  readonly environment: Environment;
  readonly cache: ChunkCache;
  readonly segmentBytes: number;
  readonly segmentBatchesMax: number;
  /** Whether the cleaner looks at each segment when it is full, and not only from time to time. */
  readonly cleansAtOnce: boolean;
  /** What topics want of the cleaner. */
  readonly policyOf: PolicyOf;
  /** Memory for the keys of a partition that is being compacted. */
  readonly compactionBytes: () => number;
  /** Lets background work give way to writers, of other shards too. */
  readonly pacer: Pacer;
  /** What the cleaner leaves free of the disk. */
  readonly reserve: DiskReserve;
  /** @throws KafkaError when the log as a whole takes no batches now. */
  readonly requireWritable: () => void;
  readonly onFenced: (error: Error) => void;
}

/** One of the independent parts of a log. */
export class Shard implements PartitionHome {
  readonly reader: ShardReader;
  readonly #options: ShardOptions;
  readonly #chain: CommitChain;
  readonly #catalogue: ShardCatalogue;
  readonly #writer: ShardWriter;
  readonly #opened = new Map<string, StoredPartition>();
  readonly #opening = new Map<string, Promise<StoredPartition>>();
  /** Names of partitions that are being removed: what is opened of them takes no batch. */
  readonly #removing = new Set<string>();
  readonly #cleaner: ShardCleaner;
  readonly #pace: Pace;
  /** The cleaner's turn was over before its work. */
  #cleaningIsLeft = false;
  #rolling = false;
  /** Work that takes its time, one thing after another. */
  #background: Promise<void> = Promise.resolve();
  #sweepIsWaiting = false;
  #cleaningIsWaiting = false;
  #closing = false;
  appends = 0;
  appendedBytes = 0;

  private constructor(options: ShardOptions, chain: CommitChain, catalogue: ShardCatalogue) {
    this.#options = options;
    this.#chain = chain;
    this.#catalogue = catalogue;
    this.reader = new ShardReader(options.kv, options.shard, options.cache);
    this.#writer = new ShardWriter({
      name: options.name,
      shard: options.shard,
      kv: options.kv,
      chain,
      environment: options.environment,
      state: encodeOpenSegment(catalogue.head),
      onChunks: (...written) => this.#keep(...written),
      onSettled: () => this.#rollIfFull(),
      onFenced: options.onFenced,
    });
    this.#pace = options.pacer.pace();
    this.#cleaner = new ShardCleaner({
      ...options,
      catalogue,
      reader: this.reader,
      mapBytesMax: options.compactionBytes,
      maintain: (change) => this.#writer.maintain(change),
      writeAhead: (change) => this.#writer.writeAhead(change),
      stepBytes: () => this.#stepBytes,
      pause: () => this.#pause(),
      open: (id) => this.open(id),
      advanceLogStart: (index, offset) => this.advanceLogStart(index, offset),
      roll: () => this.#roll(),
    });
  }

  /**
   * Takes the shard over and recovers it.
   *
   * @throws KafkaError, RangeError, FencedError when the store refuses, is damaged, or somebody else takes it over too.
   */
  static async open(options: ShardOptions): Promise<Shard> {
    const { name, shard, kv, environment } = options;
    const chain = await CommitChain.takeOver({ name, kv, environment, headKey: headKey(shard) });
    const catalogue = await recoverShard({ name, shard, kv, chain, environment });
    const opened = new Shard(options, chain, catalogue);
    // What ends a transaction in the open segment must be known before the segment is closed.
    for (const index of catalogue.touched) {
      if (index.open?.events.some(({ transactional }) => transactional)) {
        await opened.open(index.id);
      }
    }
    opened.#startSweep();
    return opened;
  }

  get leaderEpoch(): number {
    return this.#chain.epoch;
  }

  get commits(): number {
    return this.#writer.commits;
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** Whether there is anything of a partition here. */
  holds(id: PartitionId): boolean {
    const name = partitionName(id);
    return this.#catalogue.partitions.has(name) || this.#opened.has(name);
  }

  sizeBytesOf(id: PartitionId): number {
    return this.#catalogue.partitions.get(partitionName(id))?.sizeBytes ?? 0;
  }

  *stored(): Iterable<PartitionId> {
    for (const { id } of this.#catalogue.partitions.values()) yield id;
  }

  /** The log of a partition. */
  open(id: PartitionId): Promise<StoredPartition> {
    const name = partitionName(id);
    const opened = this.#opened.get(name);
    if (opened) return Promise.resolve(opened);
    const opening = this.#opening.get(name);
    if (opening) return opening;
    const started = this.#load(name, this.#catalogue.partitions.get(name) ?? new PartitionIndex(id))
      .finally(() => this.#opening.delete(name));
    this.#opening.set(name, started);
    return started;
  }

  /**
   * Marks partitions as deleted, durably, and begins to sweep them. What is in flight is settled before: a tombstone speaks
   * of the segments up to the one that is open, and a batch behind it would be found alive when the tombstone is gone.
   */
  async remove(ids: readonly PartitionId[]): Promise<void> {
    const names = ids.map(partitionName);
    for (const name of names) this.#removing.add(name);
    try {
      await Promise.all(names.map((name) => this.#endWrites(name)));
      const gone = ids.filter((id) => this.#catalogue.partitions.has(partitionName(id)));
      for (let at = 0; at < gone.length; at += TOMBSTONE_PARTITIONS_MAX) {
        await this.#bury(gone.slice(at, at + TOMBSTONE_PARTITIONS_MAX));
      }
      for (const name of names) this.#opened.delete(name);
    } finally {
      for (const name of names) this.#removing.delete(name);
    }
    this.#startSweep();
  }

  requireWritable(): void {
    if (this.#writer.stopped) throw this.#writer.stopped;
    this.#options.requireWritable();
  }

  append(batch: NewBatch, bytes: Uint8Array): void {
    this.appends++;
    this.appendedBytes += bytes.length;
    this.#writer.append(batch, bytes);
  }

  indexed(index: PartitionIndex): void {
    if (index.removed) return;
    if (this.#catalogue.openBatches === 0) {
      this.#catalogue.openedAtMs = this.#options.environment.clock.now();
    }
    this.#catalogue.partitions.set(partitionName(index.id), index);
    this.#catalogue.touched.add(index);
    this.#catalogue.openBatches++;
  }

  async advanceLogStart(index: PartitionIndex, offset: number): Promise<void> {
    const { topicId, partition } = index.id;
    // Somebody may be moving it further at this moment: what is stored must not go back behind that.
    const next = Math.max(index.nextLogStart, index.logStartOffset, offset);
    index.nextLogStart = next;
    await this.#writer.maintain({
      sets: [{
        key: logStartKey(this.#options.shard, topicId, partition),
        value: encodeLogStart(next),
      }],
      applied: () => {
        index.logStartOffset = Math.max(index.logStartOffset, next);
      },
    });
  }

  call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.environment.log.write("error", `${this.#options.name}: a callback failed`, {
        error,
      });
    }
  }

  /**
   * Looks after the data for a while: closes the open segment if it is time, cleans; `retention` cuts logs off, too. Returns
   * whether something may be left.
   */
  async upkeep({ retention }: { readonly retention: boolean }): Promise<boolean> {
    await this.#inBackground("cleaning", async () => {
      this.#cleaner.rollIfDue();
      if (retention || this.#cleaner.lacksRoom) await this.#cleaner.retain();
      await this.#clean();
    });
    return this.#cleaningIsLeft;
  }

  /** Commits what is pending; closes the open segment if replaying it would take long. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#writer.drain();
    if (this.#catalogue.openBytes > this.#options.segmentBytes / 4) this.#roll();
    await this.#writer.drain();
    this.#writer.stop(closedError());
  }

  #keep(
    sequence: number,
    chunks: readonly SealedChunk[],
    staged: readonly StagedPart[],
  ): void {
    for (const { token, n, bytes } of staged) {
      this.reader.keepPart(token, n, bytes);
      this.#catalogue.openBytes += bytes.length;
    }
    chunks.forEach(({ bytes }, n) => {
      this.reader.keep(chunkRef(sequence, n), bytes);
      this.#catalogue.openBytes += bytes.length;
    });
  }

  async #load(name: string, index: PartitionIndex): Promise<StoredPartition> {
    const source = { ...this.#options, catalogue: this.#catalogue, reader: this.reader };
    const producers = await loadProducers(source, index);
    const partition = new StoredPartition(this, index, producers);
    // Both in one turn: a roll in between would know nothing of the producers.
    index.writeProducers = (writer) => partition.writeProducers(writer);
    if (index.open) index.open.events = [];
    if (index.removed || this.#removing.has(name)) partition.refuseWrites();
    if (!index.removed) this.#opened.set(name, partition);
    return partition;
  }

  /** Refuses batches of a partition from here on, and waits for those in flight. */
  async #endWrites(name: string): Promise<void> {
    await this.#opening.get(name)?.catch(() => {});
    const partition = this.#opened.get(name);
    partition?.refuseWrites();
    await partition?.whenIdle();
  }

  async #bury(ids: readonly PartitionId[]): Promise<void> {
    const catalogue = this.#catalogue;
    const number = nextTombstone(catalogue);
    const tombstone = {
      number,
      ids,
      openSegment: catalogue.head.segment + (this.#rolling ? 1 : 0),
    };
    catalogue.tombstones.set(number, tombstone);
    await this.#writer.maintain({
      sets: [{ key: tombstoneKey(this.#options.shard, number), value: encodeTombstone(tombstone) }],
      // At once: a sweep that sees the next segment must know what the tombstone waits for.
      applied: () => {
        for (const id of ids) this.#forget(partitionName(id));
      },
    });
  }

  #forget(name: string): void {
    const catalogue = this.#catalogue;
    const index = catalogue.partitions.get(name);
    this.#opened.delete(name);
    if (!index) return;
    index.removed = true;
    catalogue.touched.delete(index);
    catalogue.drop(index);
  }

  #rollIfFull(): void {
    const { openBytes, openBatches } = this.#catalogue;
    const { segmentBytes, segmentBatchesMax } = this.#options;
    if (openBytes >= segmentBytes || openBatches >= segmentBatchesMax) this.#roll();
  }

  /** Begins to close the open segment, unless the one before is not closed yet. */
  #roll(): void {
    if (this.#rolling || this.#writer.stopped) return;
    this.#rolling = true;
    const catalogue = this.#catalogue;
    const { segment, firstSequence } = catalogue.head;
    const lastSequence = this.#chain.sequence;
    const head = { segment, firstSequence, lastSequence, bytes: catalogue.openBytes };
    const roll = freezeSegment(this.#options.shard, head, catalogue.touched);
    catalogue.touched = new Set();
    catalogue.openBytes = 0;
    catalogue.openBatches = 0;
    const next = { segment: segment + 1, firstSequence: lastSequence + 1 };
    const changes = [
      ...roll.sets.map((set) => ({ sets: [set] })),
      {
        state: encodeOpenSegment(next),
        applied: () => {
          catalogue.head = next;
          this.#rolled(roll);
        },
      },
    ];
    for (const change of changes) this.#writer.maintain(change).catch(() => {}); // stopped: the next start replays
  }

  #rolled({ head, parts }: SegmentRoll): void {
    this.#rolling = false;
    for (const { index, open, closed } of parts) {
      if (index.rolling !== open) throw new InvariantError("A segment was closed twice");
      index.rolling = null;
      if (index.removed) {
        this.#catalogue.noteDirty(head.segment, partitionName(index.id));
        continue;
      }
      index.closed.push(closed);
    }
    this.#catalogue.segments.set(head.segment, newSegment(head));
    if (this.#catalogue.tombstones.size > 0) this.#startSweep();
    if (this.#options.cleansAtOnce) this.#cleanSoon();
  }

  #cleanSoon(): void {
    if (this.#cleaningIsWaiting) return;
    this.#cleaningIsWaiting = true;
    this.#inBackground("cleaning", async () => {
      this.#cleaningIsWaiting = false;
      await this.#clean();
      if (this.#cleaningIsLeft) this.#cleanSoon();
    });
  }

  async #clean(): Promise<void> {
    this.#cleaningIsLeft = await this.#cleaner.clean();
  }

  /** Sweeps in the background. What stops it is tried again at the next occasion, or at the next start. */
  #startSweep(): void {
    const { shard, kv } = this.#options;
    const catalogue = this.#catalogue;
    if (this.#sweepIsWaiting || catalogue.tombstones.size === 0 || this.#writer.stopped) return;
    this.#sweepIsWaiting = true;
    this.#inBackground("sweeping", () => {
      this.#sweepIsWaiting = false;
      return sweep({
        shard,
        kv,
        catalogue,
        reader: this.reader,
        maintain: (change) => this.#writer.maintain(change),
        stepBytes: () => this.#stepBytes,
        pause: () => this.#pause(),
      });
    });
  }

  #inBackground(what: string, work: () => Promise<void>): Promise<void> {
    return this.#background = this.#background.then(async () => {
      if (this.#stopped) return;
      try {
        await this.#pace.during(work, { resumes: this.#cleaningIsLeft });
      } catch (error) {
        this.#cleaningIsLeft = false;
        if (this.#stopped) return;
        const { environment, name } = this.#options;
        environment.log.write("warn", `${name}: ${what} is put off`, { error });
      }
    });
  }

  get #stopped(): boolean {
    return this.#closing || this.#writer.stopped !== null;
  }

  get #stepBytes(): number {
    return this.#options.cleansAtOnce ? STEP_BYTES_MAX : this.#pace.stepBytes;
  }

  /** Gives way to writers. @throws when the shard stops. */
  async #pause(): Promise<void> {
    if (this.#stopped) throw this.#writer.stopped ?? closedError();
    await this.#pace.pause({ rest: !this.#options.cleansAtOnce });
    if (this.#stopped) throw this.#writer.stopped ?? closedError();
  }
}

function closedError(): KafkaError {
  return new KafkaError("KAFKA_STORAGE_ERROR", "The log is closed");
}
