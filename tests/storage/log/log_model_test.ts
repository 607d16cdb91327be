import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import type { Kv, KvCommit, KvOutcome } from "../../../storage/kv/kv.ts";
import { orphansOf } from "./store_audit.ts";
import { batchOf, LogWorld, partitionId, recordsFrom, settle, startAppend } from "./log_world.ts";

const PARTITIONS = 3;

type Fate = "ok" | "lostRequest" | "lostAnswer" | "refused" | "twice";
type Step =
  | {
    readonly kind: "append";
    readonly partition: number;
    readonly bytes: number;
    readonly burst: number;
  }
  | { readonly kind: "restart" }
  | { readonly kind: "close" }
  | { readonly kind: "clean"; readonly ms: number }
  | { readonly kind: "cut"; readonly partition: number; readonly share: number }
  | { readonly kind: "read"; readonly partition: number; readonly maxBytes: number }
  | { readonly kind: "fates"; readonly fates: readonly Fate[] };

const partition = fc.nat(PARTITIONS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      partition,
      bytes: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
        { weight: 1, arbitrary: fc.constantFrom(65_300, 65_400, 140_000, 790_000) },
      ),
      burst: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("clean" as const),
      // Time to be in the middle of it, or done, or done with deleting what was replaced.
      ms: fc.constantFrom(0, 1, 5, 1_000, 12_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      partition,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      partition,
      maxBytes: fc.constantFrom(1, 5_000, 1_000_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("fates" as const),
      fates: fc.array(
        fc.constantFrom<Fate>("ok", "lostRequest", "lostAnswer", "refused", "twice"),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
);

/** What must be true of one partition. */
interface Model {
  values: string[];
  start: number;
  nextSequence: number;
}

async function meet(fate: Fate | undefined, commit: KvCommit, kv: Kv): Promise<KvOutcome> {
  const error = new Error("as the test wants it");
  switch (fate) {
    case "lostRequest":
      return { kind: "unknown", error };
    case "lostAnswer":
      await kv.commit(commit);
      return { kind: "unknown", error };
    case "refused":
      return { kind: "refused", error };
    case "twice":
      await kv.commit(commit);
      return kv.commit(commit);
    default:
      return kv.commit(commit);
  }
}

/** A log that is held against its model step by step. */
class Run {
  readonly models: Model[] = Array.from(
    { length: PARTITIONS },
    () => ({ values: [], start: 0, nextSequence: 0 }),
  );
  #fates: Fate[] = [];
  #count = 0;

  constructor(readonly world: LogWorld) {
    world.fate = (commit, kv) => meet(this.#fates.shift(), commit, kv);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "fates":
        this.#fates.push(...step.fates);
        return;
      case "append":
        return await this.#append(step.partition, step.bytes, step.burst);
      case "cut":
        return await this.#cut(step.partition, step.share);
      case "read":
        return await this.check(step.partition, step.maxBytes);
      case "clean":
        this.world.store.upkeep({ retention: false }); // goes on while other steps are taken
        return await this.world.environment.advance(step.ms);
      case "restart":
        this.#fates = [];
        await this.world.restart();
        return;
      case "close":
        this.#fates = [];
        await this.#patiently(this.world.store.close());
        await this.world.restart();
    }
  }

  async check(n: number, maxBytes = 1_000_000): Promise<void> {
    const log = await this.world.store.open(partitionId(n));
    const { values, start, nextSequence } = this.models[n];
    assertEquals([log.logStartOffset, log.highWatermark], [start, values.length]);
    const records = await this.#patiently(recordsFrom(log, start, maxBytes));
    assertEquals(records.length, values.length - start);
    for (const [offset, value] of records) assert(value === values[offset], `Offset ${offset}`);
    if (nextSequence === 0) return;
    const batch = batchOf(["v"], { producer: this.#producer(n, nextSequence) });
    assertEquals(log.producers.check(readBatchHeader(batch)).kind, "append");
    const again = batchOf(["v"], { producer: this.#producer(n, nextSequence - 1) });
    assertEquals(log.producers.check(readBatchHeader(again)).kind, "duplicate");
  }

  #producer(n: number, baseSequence: number) {
    return { producerId: BigInt(n + 1), producerEpoch: 0, baseSequence };
  }

  async #append(n: number, bytes: number, burst: number): Promise<void> {
    const log = await this.world.store.open(partitionId(n));
    const model = this.models[n];
    let sequence = model.nextSequence;
    const started = Array.from({ length: burst }, () => {
      const value = `${this.#count++} `.padEnd(bytes, "x");
      const batch = batchOf([value], { producer: this.#producer(n, sequence++) });
      return { value, ...startAppend(log, batch) };
    });
    for (const { value, baseOffset, outcome } of started) {
      const { kind } = await this.#patiently(outcome);
      if (kind === "failed") continue;
      assertEquals(baseOffset, model.values.length);
      model.values.push(value);
      model.nextSequence++;
    }
    assertEquals(log.logEndOffset, model.values.length);
  }

  async #cut(n: number, share: number): Promise<void> {
    const log = await this.world.store.open(partitionId(n));
    const model = this.models[n];
    const offset = model.start + Math.floor((model.values.length - model.start) * share);
    await this.#patiently(log.advanceLogStart(offset));
    model.start = offset;
  }

  /** Moves time until `promise` is settled: sends in doubt are repeated after a while. */
  async #patiently<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    for (let turn = 0; turn < 100; turn++) {
      await settle();
      if (settled) return await promise;
      await this.world.environment.advance(100);
    }
    throw new Error("It never settles");
  }
}

Deno.test("A log is its model, whatever is appended, cut, cleaned, lost, refused or killed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(1_000, 20_000, 1_000_000),
      async (steps, segmentBytes) => {
        const shape = { files: 1, shardsPerFile: 2 };
        const world = await LogWorld.open({
          ...shape,
          segmentBytes,
          cacheBytesMax: 20_000,
          diskCheckIntervalMs: 1e9,
        });
        const run = new Run(world);
        for (const each of steps) await run.take(each);
        await run.take({ kind: "restart" });
        for (let n = 0; n < PARTITIONS; n++) await run.check(n);
        await world.environment.advance(2_000);
        await world.clean();
        for (let n = 0; n < PARTITIONS; n++) await run.check(n);
        assertEquals(await orphansOf(world.disk, 1), []);
      },
    ),
    { numRuns: 60 },
  );
});
