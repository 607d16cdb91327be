/** The log-structured store on a store with faults, in virtual time: killed, paused, overtaken and started again. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { sleep } from "../../environment/sleep.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { readBatchHeader } from "../../protocol/records/batch_header.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import type { LogStore, PartitionLog } from "../../storage/log/partition_log.ts";
import {
  checkLog,
  QUIET_KV,
  type Random,
  ROUGH_KV,
  type SeenRecord,
  type SentRecord,
  simulate,
  type SimulatedProcess,
  type Simulation,
  type Violation,
} from "../../testing/mod.ts";

const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ";
const PARTITIONS = 6;
const SEEDS = 25;

interface Sent extends SentRecord {
  readonly failed: boolean;
}

interface Notes {
  readonly sent: Sent[];
  readonly seen: SeenRecord[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

Deno.test("Log store keeps what it has committed, whatever the store, kills and zombies do to it", async () => {
  const faults: Record<string, number> = {};
  let committed = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await runSeed(seed);
    assertEquals(run.violations, [], `seed ${seed}`);
    committed += run.committed;
    for (const [kind, count] of Object.entries(run.faults)) {
      faults[kind] = (faults[kind] ?? 0) + count;
    }
  }
  assertGreater(committed, SEEDS * 50);
  for (const kind of ["lost answer", "lost request", "late request", "duplicate request"]) {
    assertGreater(faults[`kv ${kind}`] ?? 0, SEEDS, kind);
  }
});

Deno.test("Log store in virtual time has the same history for the same seed", async () => {
  for (const seed of [1, 2, 3]) {
    assertEquals((await runSeed(seed)).hash, (await runSeed(seed)).hash);
  }
});

async function runSeed(seed: number) {
  await using simulation = simulate({ seed });
  const store = simulation.store("data", { faults: ROUGH_KV });
  const random = simulation.random("scenario");
  const notes: Notes = { sent: [], seen: [] };
  for (let life = 0; life < 4; life++) {
    const process = simulation.process("broker");
    writer(simulation, process, notes);
    await simulation.advance(random.between([200, 3000]));
    if (random.chance(0.5)) process.kill();
    else {
      process.pause();
      simulation.after(random.between([0, 3000]), () => process.resume()); // a zombie
    }
  }
  await simulation.advance("10s");
  store.faults = QUIET_KV;
  const log = await readLog(simulation);
  const violations: Violation[] = checkLog({ ...notes, log });
  const stored = new Set(log.map(({ value }) => value));
  const lies = notes.sent.filter(({ failed, value }) => failed && stored.has(value));
  return {
    violations: [
      ...violations.map(({ kind, text }) => `${kind}: ${text}`),
      ...lies.map(({ value }) => `"${value}" was said to have failed, and is stored`),
    ],
    committed: notes.sent.filter(({ offset }) => offset !== null).length,
    faults: simulation.faults.all(),
    hash: simulation.hash,
  };
}

/** One life of a broker: opens the log and appends to all partitions for ever. */
async function writer(
  simulation: Simulation,
  process: SimulatedProcess,
  notes: Notes,
): Promise<void> {
  const logs = await open(simulation, process);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const random = simulation.random(`${process.name}/${partition}`);
    const log = await persistently(process, () => logs.open({ topicId: TOPIC_ID, partition }));
    appender(process, log, random, notes);
  }
}

function open(simulation: Simulation, process: SimulatedProcess): Promise<LogStore> {
  return persistently(process, () =>
    openLogStore({
      folder: simulation.store().of(process),
      environment: process.environment,
      options: { segmentBytes: 200_000 },
    }));
}

/** Tries again when something fails: because of a fault, or because a predecessor that lives was quicker. */
async function persistently<T>(process: SimulatedProcess, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      process.environment.log.write("warn", "Trying again", { error });
      await sleep(process.environment, 50);
    }
  }
}

async function appender(
  process: SimulatedProcess,
  log: PartitionLog,
  random: Random,
  { sent }: Notes,
): Promise<void> {
  const partition = `t-${log.id.partition}`;
  for (let number = 0;; number++) {
    const values = Array.from(
      { length: 1 + random.below(3) },
      (_, index) => `${process.name}/${partition}/${number}.${index}`,
    );
    const batch = batchOf(values, random);
    const note = (offset: number | null, failed: boolean) =>
      values.map((value, index): Sent => ({
        producer: process.name,
        partition,
        value,
        offset: offset === null ? null : offset + index,
        failed,
      }));
    const first = sent.length;
    try {
      const offset = log.append(batch, readBatchHeader(batch), (outcome) => {
        const isCommitted = outcome.kind === "committed";
        // A writer that was overtaken cannot know what became of its last commit.
        const isFenced = !isCommitted && outcome.error instanceof KafkaError &&
          outcome.error.kind === "NOT_LEADER_OR_FOLLOWER";
        const noted = note(isCommitted ? offset : null, !isCommitted && !isFenced);
        sent.splice(first, values.length, ...noted);
      });
      sent.push(...note(null, false));
    } catch (error) {
      assert(error instanceof KafkaError, `${error}`); // refused: not in the log
    }
    await sleep(process.environment, random.between([0, 60]));
  }
}

/** Mostly small batches; some that fill chunks, some that fit no commit. */
function batchOf(values: readonly string[], random: Random): Uint8Array {
  const padding = random.chance(0.01) ? 900_000 : random.chance(0.05) ? 40_000 : random.below(500);
  return buildBatch(values.map((value, index) => ({
    key: index === 0 ? new Uint8Array(padding) : null,
    value: encoder.encode(value),
  })));
}

/** Everything that is stored, as a process sees it that starts now. */
function readLog(simulation: Simulation): Promise<SeenRecord[]> {
  return simulation.run(async () => {
    const logs = await open(simulation, simulation.process("reader"));
    const records: SeenRecord[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const log = await logs.open({ topicId: TOPIC_ID, partition });
      for (let offset = log.logStartOffset; offset < log.highWatermark;) {
        const { slices, nextOffset } = await log.read({
          offset,
          beforeOffset: log.highWatermark,
          maxBytes: 100_000,
          minOneBatch: true,
        });
        assert(nextOffset > offset);
        for (const batch of batchesIn(slices, "refuse")) {
          for (const { offset, value } of recordsIn(batch.bytes)) {
            records.push({
              consumer: "reader",
              partition: `t-${partition}`,
              offset,
              value: decoder.decode(value!),
            });
          }
        }
        offset = nextOffset;
      }
    }
    return records;
  });
}
