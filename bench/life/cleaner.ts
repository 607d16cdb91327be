/**
 * What producers notice of the cleaner: the time that one batch takes, without and with a compaction that is going on, in
 * turn. The topic is made dirty before each turn, and the cleaner let loose by its `min.cleanable.dirty.ratio`.
 *
 * @module
 */
import { sleep } from "../../environment/sleep.ts";
import { at, say, spread } from "../support/figures.ts";
import { batchOf, environment, produceAll, produceFrame, type Wire } from "../support/wire.ts";
import { LifeBroker } from "./broker.ts";
import { keyedBatches } from "./keyed_batches.ts";
import type { LifeOptions } from "./options.ts";

const MB = 1_000_000;
const DIRTY = "dirty";
const LOAD = "load";
const LOAD_PARTITIONS = 32;
/** Keys of the topic: each is written about twice a round, so that what is cleaned is as large each time. */
const KEYS = 33_600;
const QUIET_MS = 5_000;
/** A compaction that is over sooner says nothing. */
const CLEANING_MS_MIN = 1_000;
/** How often the topic's size is asked for. */
const WATCH_MS = 200;
const NEVER = "1";
const NOW = "0.001";

/** Measures in turn, for each kind of load. */
export async function benchCleaner({ dirtyMb, rounds }: LifeOptions): Promise<void> {
  say(`Produce while ${dirtyMb} MB of a compacted topic are cleaned, and while nothing is`);
  await using broker = await LifeBroker.start("log.cleaner.backoff.ms=100");
  await broker.admin.createTopics([
    { name: LOAD, partitions: LOAD_PARTITIONS },
    {
      name: DIRTY,
      partitions: 1,
      configs: { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": NEVER },
    },
  ]);
  for (const connections of [1, 4]) {
    const ratios = { p50: [] as number[], p99: [] as number[] };
    let [quiet, busy]: number[][] = [[], []];
    let cleaningMs = 0;
    for (let round = 0; round < rounds; round++) {
      await broker.produce(DIRTY, 1, keyedBatches(KEYS), dirtyMb * MB);
      await sleep(environment, 1_000); // what SQLite has to do yet
      const without = await latencies(
        broker.wires.slice(0, connections),
        () => watched(broker, QUIET_MS),
      );
      const startMs = performance.now();
      const during = await latencies(broker.wires.slice(0, connections), () => cleaned(broker));
      const tookMs = performance.now() - startMs;
      if (tookMs < CLEANING_MS_MIN) throw new Error(`Cleaned in ${tookMs} ms: take more dirtyMb`);
      cleaningMs += tookMs;
      quiet = quiet.concat(without);
      busy = busy.concat(during);
      ratios.p50.push(at(during, 0.5) / at(without, 0.5));
      ratios.p99.push(at(during, 0.99) / at(without, 0.99));
    }
    say(
      `  ${connections} × 1 KB at a time (${
        (cleaningMs / rounds / 1_000).toFixed(1)
      } s of cleaning a round):`,
    );
    for (const [name, share] of [["p50", 0.5], ["p99", 0.99]] as const) {
      say(
        `    ${name}: ${at(quiet, share).toFixed(2)} ms without, ${
          at(busy, share).toFixed(2)
        } ms with the cleaner: × ${spread(ratios[name])}`,
      );
    }
  }
}

/** Milliseconds of each batch that these connections produce, one at a time each, until `until` settles. */
async function latencies(
  wires: readonly Wire[],
  until: () => Promise<unknown>,
): Promise<number[]> {
  const frame = produceFrame(LOAD, [0], batchOf(1_000));
  const frames = Array.from(
    { length: LOAD_PARTITIONS },
    (_, partition) => produceFrame(LOAD, [partition], batchOf(1_000)),
  );
  await produceAll(wires[0], [frame], 1, 1);
  const found: number[] = [];
  let over = false;
  const waiting = until().finally(() => over = true);
  waiting.catch(() => {}); // it fails, too, when a connection has failed: that is told first
  await Promise.all(wires.map(async (wire, at) => {
    for (let n = at; !over; n++) {
      const startMs = performance.now();
      await produceAll(wire, [frames[n % LOAD_PARTITIONS]], 1, 1);
      found.push(performance.now() - startMs);
    }
  }));
  await waiting;
  return found;
}

/** Asks for the topic's size as often as `cleaned` does, so that both kinds of round bear the same. */
async function watched(broker: LifeBroker, ms: number): Promise<void> {
  await setRatio(broker, NEVER);
  for (const endMs = performance.now() + ms; performance.now() < endMs;) {
    await broker.sizeBytes(DIRTY);
    await sleep(environment, WATCH_MS);
  }
}

/** Lets the cleaner loose, and settles when the topic has become smaller and stays so. */
async function cleaned(broker: LifeBroker): Promise<void> {
  await setRatio(broker, NOW);
  const before = await broker.sizeBytes(DIRTY);
  const deadlineMs = performance.now() + 300_000;
  for (let size = before; size > before * 0.7 || size !== await broker.sizeBytes(DIRTY);) {
    if (performance.now() > deadlineMs) throw new Error(`${size} of ${before} bytes are left`);
    await sleep(environment, WATCH_MS);
    size = await broker.sizeBytes(DIRTY);
  }
  await setRatio(broker, NEVER);
}

async function setRatio({ admin }: LifeBroker, value: string): Promise<void> {
  await admin.alterConfigs({ type: "topic", name: DIRTY }, [
    { name: "min.cleanable.dirty.ratio", operation: "set", value },
  ]);
}
