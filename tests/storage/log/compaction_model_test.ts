/** The real log against the model of compaction, over random histories with crashes, also in the midst of the cleaner. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isControl, readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { controlBatch } from "../../../protocol/records/control.ts";
import { recordsIn } from "../../../protocol/records/records.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import {
  CompactionModel,
  type CompactionSettings,
  type FoundLog,
  type ModelRecord,
} from "./compaction_model.ts";
import {
  append,
  batchesFrom,
  keyedBatch,
  LogWorld,
  partitionId,
  topicConfig,
} from "./log_world.ts";
import { orphansOf } from "./store_audit.ts";

const MINUTE_MS = 60_000;
const filler = "x".repeat(200);
const decoder = new TextDecoder();

type Record = readonly [key: string, value: string | null, agoMs: number];
type Step =
  | {
    readonly kind: "append";
    readonly records: readonly Record[];
    readonly transactional: boolean;
  }
  | { readonly kind: "end"; readonly commit: boolean }
  | { readonly kind: "close" | "clean" | "restart" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "cut"; readonly share: number }
  | { readonly kind: "die"; readonly commits: number };

const record: fc.Arbitrary<Record> = fc.tuple<[string, string | null, number]>(
  fc.nat(5).map((key) => `key ${key}`),
  fc.option(fc.nat(999).map((value) => `${value} ${filler}`), { freq: 4, nil: null }),
  fc.constantFrom(0, 0, 10_000, 2 * MINUTE_MS),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      records: fc.array(record, { minLength: 1, maxLength: 4 }),
      transactional: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("end" as const), commit: fc.boolean() }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "close" as const,
        "close" as const,
        "clean" as const,
        "restart" as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1_000, MINUTE_MS, 3 * MINUTE_MS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      share: fc.double({ min: 0, max: 0.5, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("die" as const), commits: fc.nat(8) }),
  },
);
const settings: fc.Arbitrary<CompactionSettings> = fc.record({
  minCompactionLagMs: fc.constantFrom(0, 0, MINUTE_MS),
  maxCompactionLagMs: fc.constantFrom(MINUTE_MS, 1e12),
  deleteRetentionMs: fc.constantFrom(0, MINUTE_MS),
  minCleanableDirtyRatio: fc.constantFrom(0 as const, 0 as const, 1 as const),
});

async function foundIn(log: PartitionLog): Promise<FoundLog> {
  const records: ModelRecord[] = [];
  const markers: number[] = [];
  const start = log.logStartOffset;
  for await (const { header, bytes } of batchesFrom(log)) {
    for (const { offset, key, value, timestampMs } of recordsIn(bytes)) {
      if (offset < start) continue;
      if (isControl(header)) markers.push(offset);
      else {
        const text = value && decoder.decode(value);
        records.push({ offset, key: decoder.decode(key!), value: text, timestampMs });
      }
    }
  }
  const transactions = await log.abortedTransactions(start, log.highWatermark);
  // One producer has all transactions: no two of them overlap.
  const isToldAborted = (offset: number) =>
    transactions.some(({ firstOffset, lastOffset }) =>
      firstOffset <= offset && offset <= lastOffset
    ) && transactionalOffsets(log).has(offset);
  return { start, end: log.highWatermark, records, markers, isToldAborted };
}

/** Offsets that the transactional producer wrote, by the log: the test notes them as it writes. */
const noted = new WeakMap<object, Set<number>>();
function transactionalOffsets(log: PartitionLog): Set<number> {
  return noted.get(log) ?? new Set();
}

class Run {
  readonly model: CompactionModel;
  readonly #transactional = new Set<number>();
  readonly #sequences = new Map<bigint, number>();
  #log!: PartitionLog;

  private constructor(readonly world: LogWorld, settings: CompactionSettings) {
    this.model = new CompactionModel(settings);
  }

  static async begin(settings: CompactionSettings, compactionBytes: number): Promise<Run> {
    const config = topicConfig({
      "cleanup.policy": "compact",
      "min.compaction.lag.ms": `${settings.minCompactionLagMs}`,
      "max.compaction.lag.ms": `${
        Math.max(settings.maxCompactionLagMs, settings.minCompactionLagMs)
      }`,
      "delete.retention.ms": `${settings.deleteRetentionMs}`,
      "min.cleanable.dirty.ratio": `${settings.minCleanableDirtyRatio}`,
    });
    const options = {
      files: 1,
      shardsPerFile: 1,
      segmentBytes: 4_000,
      compactionBytes,
      cleanerIntervalMs: 1e9,
      retentionIntervalMs: 1e9,
    };
    const world = await LogWorld.open({ ...options, diskCheckIntervalMs: 1e9 }, () => config);
    const run = new Run(world, settings);
    await run.#open();
    return run;
  }

  get #nowMs(): number {
    return this.world.environment.clock.now();
  }

  async check(): Promise<FoundLog> {
    const found = await foundIn(this.#log);
    this.model.check(found, this.#nowMs);
    return found;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "append":
        return await this.#append(step.records, step.transactional);
      case "end":
        return await this.#end(step.commit);
      case "close":
        return await this.#close();
      case "clean":
        return await this.#clean();
      case "restart": {
        const beforeMs = this.#nowMs;
        await this.world.restart();
        await this.world.environment.advance(beforeMs - this.#nowMs); // no clock goes back
        return await this.#open();
      }
      case "wait":
        return await this.world.environment.advance(step.ms);
      case "cut": {
        const offset = Math.floor(this.model.end * step.share);
        this.model.cut(offset);
        return await this.#log.advanceLogStart(offset);
      }
      case "die":
        return await this.#die(step.commits);
    }
  }

  /** Ends what is open, closes, cleans as often as it may take, and wants nothing left over. */
  async end(isEager: boolean): Promise<void> {
    await this.#end(false);
    await this.#append([["last", "record", 0]], false);
    await this.#close();
    await this.world.environment.advance(4 * MINUTE_MS);
    await this.#clean();
    const found = await this.check();
    if (isEager) this.model.checkIsCompact(found);
    for (const [producerId, sequence] of this.#sequences) {
      const producer = { producerId, producerEpoch: 0, baseSequence: sequence };
      const transactional = producerId === 2n;
      const next = readBatchHeader(keyedBatch([["k", "v"]], { producer, transactional }));
      assertEquals(this.#log.producers.check(next).kind, "append");
    }
    await this.take({ kind: "restart" });
    await this.check();
    await this.world.clean();
    assertEquals(await orphansOf(this.world.disk, 1), []);
  }

  async #open(): Promise<void> {
    this.#log = await this.world.store.open(partitionId());
    noted.set(this.#log, this.#transactional);
  }

  async #append(records: readonly Record[], transactional: boolean): Promise<void> {
    const producerId = transactional ? 2n : 1n;
    const baseSequence = this.#sequences.get(producerId) ?? 0;
    this.#sequences.set(producerId, baseSequence + records.length);
    const timestampsMs = records.map(([, , agoMs]) => this.#nowMs - agoMs);
    const values = records.map(([key, value]) => [key, value] as const);
    const producer = { producerId, producerEpoch: 0, baseSequence };
    const written = records.map(([key, value], n) => ({
      key,
      value,
      timestampMs: timestampsMs[n],
    }));
    if (transactional) {
      for (let n = 0; n < records.length; n++) this.#transactional.add(this.model.end + n);
    }
    this.model.append(written, transactional);
    await append(this.#log, keyedBatch(values, { producer, transactional, timestampsMs }));
  }

  async #end(commit: boolean): Promise<void> {
    if (!this.model.hasOpenTransaction) return;
    const timestampMs = this.#nowMs;
    this.model.endTransaction(commit, timestampMs);
    const result = commit ? "commit" as const : "abort" as const;
    const facts = { producerId: 2n, producerEpoch: 0, coordinatorEpoch: 0 };
    await append(this.#log, controlBatch({ ...facts, result, timestampMs }));
  }

  async #close(): Promise<void> {
    const other = await this.world.store.open(partitionId(9, 9));
    for (let n = 0; n < 3; n++) await append(other, keyedBatch([["other", "o".repeat(1_900)]]));
    await this.world.environment.advance(10);
  }

  async #clean(): Promise<void> {
    // It goes on while time passes: what it does last it may do at the end.
    this.model.clean(this.#nowMs);
    await this.world.clean();
    this.model.clean(this.#nowMs);
  }

  /** The broker dies before this commit of its cleaner, and comes back. */
  async #die(commits: number): Promise<void> {
    this.model.clean(this.#nowMs);
    let left = commits;
    this.world.fate = (commit, kv) => left-- > 0 ? kv.commit(commit) : new Promise(() => {});
    this.world.store.upkeep({ retention: false });
    await this.world.environment.advance(1_000);
    this.model.clean(this.#nowMs);
    this.world.fate = null;
    await this.take({ kind: "restart" });
  }
}

Deno.test("A compacted log keeps what Kafka promises, and no more, whatever happens to it and its cleaner", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      settings,
      fc.constantFrom(100, 1_000_000),
      async (steps, settings, compactionBytes) => {
        const run = await Run.begin(settings, compactionBytes);
        for (const each of steps) {
          await run.take(each);
          await run.check();
        }
        await run.end(settings.minCleanableDirtyRatio === 0);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("Model of compaction tells what may not be", () => {
  const settings: CompactionSettings = {
    minCompactionLagMs: 0,
    maxCompactionLagMs: 1e12,
    deleteRetentionMs: 1_000,
    minCleanableDirtyRatio: 0,
  };
  const written = [["a", "1"], ["a", "2"], ["b", "1"], ["b", null], ["c", "1"]] as const;
  const records = written.map(([key, value], offset) => ({ offset, key, value, timestampMs: 5 }));
  const at = (nowMs: number, runs: readonly number[], ...offsets: number[]) => {
    const model = new CompactionModel(settings);
    model.append(records, false);
    for (const run of runs) model.clean(run);
    const found = offsets.map((offset) => records[offset]);
    model.check(
      { start: 0, end: 5, records: found, markers: [], isToldAborted: () => false },
      nowMs,
    );
  };
  at(10, [], 0, 1, 2, 3, 4);
  at(10, [10], 1, 3, 4);
  at(2_000, [10, 1_500], 1, 4);
  assertThrows(() => at(10, [], 1, 2, 3, 4), Error, "Offset 0 is gone too early");
  assertThrows(() => at(10, [10], 0, 3, 4), Error, "a has lost its value");
  assertThrows(() => at(10, [10], 1, 4), Error, "b has lost its tombstone");
  assertThrows(() => at(2_000, [10, 1_500], 1, 2, 4), Error, "b is back");
  assertThrows(() => at(10, [10], 1, 3), Error, "Offset 4 is gone too early");
  assertThrows(() => at(10, [10], 3, 1, 4), Error, "Offset 1 comes after 3");
});
