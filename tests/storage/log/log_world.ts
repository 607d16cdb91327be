/** A log in memory for tests, with commits whose fate a test decides, restarts, and clocks that stand still. */
import { buildBatch, type RecordDraft } from "../../../protocol/records/builder.ts";
import { isControl, readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { recordsIn } from "../../../protocol/records/records.ts";
import type { Codec } from "../../../protocol/compression/mod.ts";
import { type Batch, batchesIn } from "../../../protocol/records/batches.ts";
import type { Kv, KvCommit, KvFolder, KvOutcome } from "../../../storage/kv/kv.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { type LogOptions, openLogStore } from "../../../storage/log/log_store.ts";
import type {
  AppendOutcome,
  LogRead,
  LogStore,
  PartitionId,
  PartitionLog,
} from "../../../storage/log/partition_log.ts";
import { type PolicyOf, REPLACED_KEPT_MS } from "../../../storage/log/cleaner/shard_cleaner.ts";
import { BrokerConfig } from "../../../config/broker_config.ts";
import { resolveTopicConfig, type TopicConfig } from "../../../config/topic_config.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

export { settle };

/** Decides what becomes of a commit: called instead of the store, with the store at hand. */
export type CommitFate = (commit: KvCommit, kv: Kv) => Promise<KvOutcome>;

/** A manual environment with random numbers of its own. */
export function environmentOf(seed: number): ManualEnvironment {
  const environment = new ManualEnvironment();
  environment.random.bytes(seed * 7 + 1);
  return environment;
}

/** A folder whose commits go through `fate`, when there is one; `onRead` is told how many entries reads give. */
export function fatedFolder(
  inner: KvFolder,
  fate: () => CommitFate | null,
  onRead: (entries: number) => void = () => {},
  readsWait: () => Promise<unknown> | null = () => null,
): KvFolder {
  return {
    name: inner.name,
    freeBytes: () => inner.freeBytes(),
    close: () => inner.close(),
    async open(name: string): Promise<Kv> {
      const kv = await inner.open(name);
      return {
        limits: kv.limits,
        get: async (keys) => {
          await readsWait();
          onRead(keys.length);
          return await kv.get(keys);
        },
        list: async (range, options) => {
          await readsWait();
          const entries = await kv.list(range, options);
          onRead(entries.length);
          return entries;
        },
        close: () => kv.close(),
        commit: (commit) => fate()?.(commit, kv) ?? kv.commit(commit),
      };
    },
  };
}

/** One machine: a disk that outlives processes, and the process that runs now. */
export class LogWorld {
  environment = environmentOf(0);
  store!: LogStore;
  /** What becomes of commits; null = the store does what it should. */
  fate: CommitFate | null = null;
  fenced: Error | null = null;
  /** Entries of the stores that were read so far. */
  readonly read = { entries: 0 };
  /** What reads of the stores wait for. */
  readsWait: Promise<unknown> | null = null;
  #starts = 0;

  constructor(
    public options: LogOptions = {},
    readonly policyOf?: PolicyOf,
    readonly disk: MemoryDisk = new MemoryDisk(),
  ) {}

  static async open(
    options: LogOptions = {},
    policyOf?: PolicyOf,
    disk?: MemoryDisk,
  ): Promise<LogWorld> {
    const world = new LogWorld(options, policyOf, disk);
    await world.start();
    return world;
  }

  /** Starts a process on the disk; the one before is dead from here on. */
  async start(): Promise<LogStore> {
    this.environment = environmentOf(++this.#starts);
    this.store = await openLogStore({
      folder: fatedFolder(
        this.disk.openFolder(),
        () => this.fate,
        (entries) => this.read.entries += entries,
        () => this.readsWait,
      ),
      environment: this.environment,
      options: this.options,
      policyOf: this.policyOf,
      onFenced: (error) => this.fenced = error,
    });
    return this.store;
  }

  /** Lets the cleaner do all that there is to do now, and all deletions that follow from it. */
  async clean(retention = true): Promise<void> {
    for (let round = 0; round < 3; round++) {
      let left: boolean | null = null;
      while (left !== false) {
        left = null;
        this.store.upkeep({ retention }).then((more) => left = more);
        while (left === null) await this.environment.advance(20);
      }
      await this.environment.advance(REPLACED_KEPT_MS);
    }
  }

  /** `kill -9`, then a start. */
  restart(): Promise<LogStore> {
    return this.start();
  }
}

/** The settings of a topic with these overrides. */
export function topicConfig(overrides: Readonly<Record<string, string>> = {}): TopicConfig {
  return resolveTopicConfig(new Map(Object.entries(overrides)), BrokerConfig.parse([]));
}

/** A topic id of 22 characters. */
export function topicId(n: number): string {
  return n.toString().padStart(21, "x") + "A";
}

export function partitionId(partition = 0, topic = 0): PartitionId {
  return { topicId: topicId(topic), partition };
}

/** What a batch of a test says beside its values. */
export interface BatchShape {
  readonly timestampsMs?: readonly number[];
  readonly producer?: { producerId: bigint; producerEpoch: number; baseSequence: number };
  readonly transactional?: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function batchOf(
  values: readonly (string | Uint8Array)[],
  shape: BatchShape = {},
): Uint8Array {
  const records = values.map((value, at): RecordDraft => ({
    value: typeof value === "string" ? encoder.encode(value) : value,
    timestampMs: shape.timestampsMs?.[at] ?? 1_000,
  }));
  return buildBatch(records, { producer: shape.producer, transactional: shape.transactional });
}

/** A record of a compacted topic: key and value, null for a tombstone. */
export type KeyedValue = readonly [key: string, value: string | null];

export function keyedBatch(
  values: readonly KeyedValue[],
  shape: BatchShape & { readonly codec?: Codec } = {},
): Uint8Array {
  const records = values.map(([key, value], at): RecordDraft => ({
    key: encoder.encode(key),
    value: value === null ? null : encoder.encode(value),
    timestampMs: shape.timestampsMs?.[at] ?? 1_000,
  }));
  const { producer, transactional, codec } = shape;
  return buildBatch(records, { producer, transactional, codec });
}

/** A record that {@linkcode keyedRecordsFrom} found. */
export interface KeyedRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
}

/** Every record of data in a log. */
export async function keyedRecordsFrom(log: PartitionLog): Promise<KeyedRecord[]> {
  const records: KeyedRecord[] = [];
  for await (const { header, bytes } of batchesFrom(log)) {
    if (isControl(header)) continue;
    for (const { offset, key, value } of recordsIn(bytes)) {
      const text = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);
      records.push({ offset, key: text(key) ?? "", value: text(value) });
    }
  }
  return records;
}

/** Every batch of a log. */
export async function* batchesFrom(log: PartitionLog): AsyncGenerator<Batch> {
  for (let next = log.logStartOffset; next < log.highWatermark;) {
    const beforeOffset = log.highWatermark;
    const read = await log.read({
      offset: next,
      beforeOffset,
      maxBytes: 100_000,
      minOneBatch: true,
    });
    yield* batchesIn(joined(read));
    if (read.nextOffset === next) throw new Error(`A read at ${next} gave nothing`);
    next = read.nextOffset;
  }
}

/** Hands a batch over; the outcome comes when it is known. */
export function startAppend(
  log: PartitionLog,
  batch: Uint8Array,
): { readonly baseOffset: number; readonly outcome: Promise<AppendOutcome> } {
  let settled!: (outcome: AppendOutcome) => void;
  const outcome = new Promise<AppendOutcome>((resolve) => settled = resolve);
  const baseOffset = log.append(batch, readBatchHeader(batch), settled);
  return { baseOffset, outcome };
}

/** Appends and waits until it is durable. */
export async function append(log: PartitionLog, batch: Uint8Array): Promise<number> {
  const { baseOffset, outcome } = startAppend(log, batch);
  const settled = await outcome;
  if (settled.kind === "failed") throw settled.error;
  return baseOffset;
}

export function appendValues(log: PartitionLog, ...values: string[]): Promise<number> {
  return append(log, batchOf(values));
}

export function joined({ slices }: LogRead): Uint8Array {
  const bytes = new Uint8Array(slices.reduce((length, slice) => length + slice.length, 0));
  let at = 0;
  for (const slice of slices) {
    bytes.set(slice, at);
    at += slice.length;
  }
  return bytes;
}

/** Everything that a log holds from `offset` on: offset and value of each record. */
export async function recordsFrom(
  log: PartitionLog,
  offset: number = log.logStartOffset,
  maxBytes = 1_000_000,
): Promise<[offset: number, value: string][]> {
  const records: [number, string][] = [];
  for (let next = offset; next < log.highWatermark;) {
    const read = await log.read({
      offset: next,
      beforeOffset: log.highWatermark,
      maxBytes,
      minOneBatch: true,
    });
    for (const { bytes } of batchesIn(joined(read))) {
      for (const record of recordsIn(bytes)) {
        if (record.offset >= offset) records.push([record.offset, decoder.decode(record.value!)]);
      }
    }
    if (read.nextOffset === next) throw new Error(`A read at ${next} gave nothing`);
    next = read.nextOffset;
  }
  return records;
}
