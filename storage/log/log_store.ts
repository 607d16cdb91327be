/**
 * The log: partitions over shards over the stores of a folder.
 *
 * @module
 */
import type { Environment, Timer } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { crc32c } from "../../protocol/records/crc32c.ts";
import { uuidToBytes } from "../../protocol/uuid.ts";
import { openingUndamaged } from "../damaged_store.ts";
import type { Kv, KvFolder } from "../kv/kv.ts";
import { ChunkCache } from "./chunk_cache.ts";
import type { PolicyOf } from "./cleaner/shard_cleaner.ts";
import { DiskReserve } from "./disk_reserve.ts";
import { type LogShape, readOrCreateFormat, upgradeLog } from "./format_record.ts";
import type { LogFormat } from "./format_upgrades.ts";
import { Pacer } from "./pacer.ts";
import { partitionName } from "./partition_index.ts";
import type { LogStore, LogStoreUsage, PartitionId, PartitionLog } from "./partition_log.ts";
import { Shard, type ShardOptions } from "./shard.ts";

/** Settings of a log. */
export interface LogOptions {
  /** Stores of a new log. Default 2. */
  readonly files?: number;
  /** Shards per store of a new log: each has one commit in flight. Default 2. */
  readonly shardsPerFile?: number;
  /** Bytes of chunks after which a segment of a shard is closed. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Batches after which it is closed however small they are: they are indexed in memory. Default 200 000. */
  readonly segmentBatchesMax?: number;
  /** Memory for the tail and for what was read lately, of all partitions together. Default 64 MiB. */
  readonly cacheBytesMax?: number;
  /**
   * Bytes of batches that may wait for their commits, of all partitions together. Default 64 MiB. Beyond it a batch is
   * refused with REQUEST_TIMED_OUT, which clients retry.
   */
  readonly pendingBytesMax?: number;
  /** `odradek.disk.reserve.bytes`: below it no batch is taken. Default 128 MiB. */
  readonly diskReserveBytes?: number;
  /** Milliseconds between looks at the free space. Default 1000. */
  readonly diskCheckIntervalMs?: number;
  /** `log.cleaner.backoff.ms`: between looks of the cleaner. Default 15 000. A function is asked each time. */
  readonly cleanerIntervalMs?: number | (() => number);
  /** `log.retention.check.interval.ms`: between looks of retention. Default 300 000. */
  readonly retentionIntervalMs?: number;
  /** `log.cleaner.dedupe.buffer.size`: memory for the keys of a partition that is compacted. Default 128 MiB. */
  readonly compactionBytes?: number | (() => number);
}

/** Where partitions of internal topics live: away from the commits of data. */
export interface InternalPlace {
  /** Open, and closed by its owner after the log. */
  readonly kv: Kv;
  isInternal(topicId: string): boolean;
}

/** What a log is made of. */
export interface LogParts {
  readonly folder: KvFolder;
  readonly environment: Environment;
  readonly options?: LogOptions;
  /** Left out: internal topics live among the others. */
  readonly internal?: InternalPlace;
  /** The settings that a partition's topic has now; null when it is not known. Left out: nobody's records ever go. */
  readonly policyOf?: PolicyOf;
  /** What is read and written. Default: the format of this program. */
  readonly format?: LogFormat;
  /** Another process has taken a shard over: this one will never write again. */
  readonly onFenced?: (error: Error) => void;
}

const DEFAULTS: Required<LogOptions> = {
  files: 2,
  shardsPerFile: 2,
  segmentBytes: 64 * 1024 * 1024,
  segmentBatchesMax: 200_000,
  cacheBytesMax: 64 * 1024 * 1024,
  pendingBytesMax: 64 * 1024 * 1024,
  diskReserveBytes: 128 * 1024 * 1024,
  diskCheckIntervalMs: 1_000,
  cleanerIntervalMs: 15_000,
  retentionIntervalMs: 300_000,
  compactionBytes: 128 * 1024 * 1024,
};

/**
 * Segments of internal topics are small, and cleaned as soon as they are full: what is not compacted yet is read at each
 * start of a coordinator.
 */
const INTERNAL_SEGMENT_BYTES = 4 * 1024 * 1024;

/** Settings of 0 ms do not make the cleaner look without an end. */
const INTERVAL_MS_MIN = 10;

/** A setting as it is now. */
function current(setting: number | (() => number)): number {
  return typeof setting === "number" ? setting : setting();
}

/**
 * Opens the log in a folder, creating it when absent. Whoever wrote it before is fenced.
 *
 * @throws LogFormatError when the folder holds a log of an unknown format.
 * @throws DamagedStoreError when what leads to the data is damaged.
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store cannot be written.
 */
export async function openLogStore(parts: LogParts): Promise<LogStore> {
  const options = { ...DEFAULTS, ...parts.options };
  const reserve = new DiskReserve(parts.folder, parts.environment, {
    reserveBytes: options.diskReserveBytes,
    intervalMs: options.diskCheckIntervalMs,
  });
  const stores: Kv[] = [];
  try {
    stores.push(await parts.folder.open("log-0"));
    const { name } = parts.folder;
    const wanted = { files: options.files, shards: options.files * options.shardsPerFile };
    const shape = await readOrCreateFormat(stores[0], name, wanted, parts.format);
    for (let file = 1; file < shape.files; file++) {
      stores.push(await parts.folder.open(`log-${file}`));
    }
    await upgradeLog(parts.internal ? [...stores, parts.internal.kv] : stores, name, shape, parts);
    const store = new KvLogStore(parts, options, stores, reserve);
    await openingUndamaged(parts.folder.name, store.openShards(shape));
    await reserve.start();
    store.startUpkeep();
    return store;
  } catch (error) {
    for (const kv of stores) await kv.close();
    throw error;
  }
}

class KvLogStore implements LogStore {
  readonly #cache: ChunkCache;
  /** Of data; then, if there is one, that of internal topics. */
  #shards: Shard[] = [];
  #dataShards = 0;
  #closed = false;
  #upkeepTimer: Timer | null = null;
  #bytesMaxWaiting: number;
  readonly #pacer: Pacer;

  constructor(
    private readonly parts: LogParts,
    private readonly options: Required<LogOptions>,
    private readonly stores: readonly Kv[],
    private readonly reserve: DiskReserve,
  ) {
    this.#cache = new ChunkCache(options.cacheBytesMax);
    this.#bytesMaxWaiting = options.pendingBytesMax;
    this.#pacer = new Pacer(parts.environment, () => this.usage);
  }

  async openShards({ shards }: LogShape): Promise<void> {
    const { internal } = this.parts;
    const { segmentBytes } = this.options;
    this.#dataShards = shards;
    const opening = Array.from(
      { length: shards },
      (_, shard) =>
        this.#openShard(shard, this.stores[shard % this.stores.length], {
          segmentBytes,
          cleansAtOnce: false,
        }),
    );
    if (internal) {
      opening.push(this.#openShard(shards, internal.kv, {
        segmentBytes: Math.min(segmentBytes, INTERNAL_SEGMENT_BYTES),
        cleansAtOnce: true,
      }));
    }
    this.#shards = await Promise.all(opening);
  }

  #openShard(
    shard: number,
    kv: Kv,
    kind: Pick<ShardOptions, "segmentBytes" | "cleansAtOnce">,
  ): Promise<Shard> {
    const { environment, policyOf, onFenced } = this.parts;
    return Shard.open({
      name: `shard ${shard}`,
      shard,
      kv,
      environment,
      cache: this.#cache,
      ...kind,
      segmentBatchesMax: this.options.segmentBatchesMax,
      policyOf: policyOf ?? (() => null),
      compactionBytes: () => current(this.options.compactionBytes),
      pacer: this.#pacer,
      reserve: this.reserve,
      requireWritable: () => this.#requireWritable(),
      onFenced: (error) => onFenced?.(error),
    });
  }

  open(id: PartitionId): Promise<PartitionLog> {
    if (this.#closed) return Promise.reject(closedError());
    uuidToBytes(id.topicId); // what cannot be stored must not come into a commit
    return this.#shardOf(id).open(id);
  }

  leaderEpochOf(id: PartitionId): number {
    return this.#shardOf(id).leaderEpoch;
  }

  sizeBytesOf(id: PartitionId): number {
    return this.#shardOf(id).sizeBytesOf(id);
  }

  async remove(ids: readonly PartitionId[]): Promise<void> {
    if (this.#closed) throw closedError();
    const byShard = Map.groupBy(ids, (id) => this.#shardOf(id));
    await Promise.all([...byShard].map(([shard, its]) => shard.remove(its)));
  }

  *stored(): Iterable<PartitionId> {
    for (const shard of this.#shards) yield* shard.stored();
  }

  get usage(): LogStoreUsage {
    const sum = (of: (shard: Shard) => number) =>
      this.#shards.reduce((total, shard) => total + of(shard), 0);
    return {
      commits: sum((shard) => shard.commits),
      appends: sum((shard) => shard.appends),
      appendedBytes: sum((shard) => shard.appendedBytes),
      cachedBytes: this.#cache.bytes,
      pendingBytes: sum((shard) => shard.pendingBytes),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.reserve.stop();
    this.#upkeepTimer?.cancel();
    await Promise.all(this.#shards.map((shard) => shard.close()));
    await Promise.all(this.stores.map((kv) => kv.close()));
  }

  /** Looks after the data from now on, shard by shard. */
  startUpkeep(): void {
    const { timers, clock, log } = this.parts.environment;
    let retainedAtMs = clock.monotonicMs();
    const schedule = (left: boolean) => {
      if (this.#closed) return;
      const { cleanerIntervalMs, retentionIntervalMs } = this.options;
      const intervalMs = left ? 0 : Math.min(current(cleanerIntervalMs), retentionIntervalMs);
      this.#upkeepTimer = timers.schedule(Math.max(INTERVAL_MS_MIN, intervalMs), () => {
        const retention = clock.monotonicMs() - retainedAtMs >= retentionIntervalMs;
        if (retention) retainedAtMs = clock.monotonicMs();
        this.upkeep({ retention }).then(schedule, (error) => {
          log.write("error", "The upkeep of the log failed", { error });
          schedule(false);
        });
      });
    };
    schedule(false);
  }

  async upkeep(what: { readonly retention: boolean }): Promise<boolean> {
    let left = false;
    for (const shard of this.#shards) left = await shard.upkeep(what) || left;
    return left;
  }

  #shardOf(id: PartitionId): Shard {
    const data = this.#shards[shardNumber(id, this.#dataShards)];
    const internal = this.#shards[this.#dataShards];
    if (!internal || data.holds(id)) return data; // what is stored stays where it is
    const isInternal = internal.holds(id) || this.parts.internal?.isInternal(id.topicId);
    return isInternal ? internal : data;
  }

  #requireWritable(): void {
    if (this.#closed) throw closedError();
    this.reserve.require();
    const waiting = this.#shards.reduce((total, shard) => total + shard.pendingBytes, 0);
    if (waiting < this.#bytesMaxWaiting) return;
    throw new KafkaError(
      "REQUEST_TIMED_OUT",
      `${waiting} bytes of batches wait for the store, no more are taken`,
    );
  }
}

const encoder = new TextEncoder();

/** The shard of a partition, for ever: by a hash of its name. */
function shardNumber(id: PartitionId, shards: number): number {
  return crc32c(encoder.encode(partitionName(id))) % shards;
}

function closedError(): KafkaError {
  return new KafkaError("KAFKA_STORAGE_ERROR", "The log is closed");
}
