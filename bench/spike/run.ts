/**
 * Measures the log layouts of docs/decisions/0001-log-layout.md against each other, interleaved, and prints medians:
 *
 *     deno run --unstable-kv --allow-read=FOLDER --allow-write=FOLDER bench/spike/run.ts FOLDER [ROUNDS] [MS]
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { openMixedChunks } from "./mixed_chunks.ts";
import { openPerPartition } from "./per_partition.ts";
import { openSegmentFiles } from "./segment_files.ts";
import type { OpenPrototype, Prototype } from "./prototype.ts";

const LAYOUTS: Record<string, OpenPrototype> = {
  a: openPerPartition,
  b: openMixedChunks,
  c: openSegmentFiles,
};
const SIZES = [900, 4_096, 16_384, 65_536, 1_000_000];
const PARTITIONS = [1, 64, 1_000];
const WINDOW_BYTES = 16 * 1024 * 1024;
const BYTES_MAX = 256 * 1024 * 1024;
const ALONE = 50;

type Measures = Record<
  | "appendsPerS"
  | "mbPerS"
  | "p50Ms"
  | "p99Ms"
  | "aloneP50Ms"
  | "openMs"
  | "readOne"
  | "readEach"
  | "readTogether"
  | "disk"
  | "clean"
  | "cleanedReadOne"
  | "cleanedReadEach",
  number
>;

const [root, rounds = "3", forMs = "1500"] = Deno.args;
if (!root) throw new Error("Which folder may the benchmark write to?");
// The first rounds of a process are slower: they are not counted.
for (const [name, open] of Object.entries(LAYOUTS)) {
  await measure(name, open, `${root}/spike`, 64, 900);
}
const table: Record<string, unknown>[] = [];
for (const partitions of PARTITIONS) {
  for (const size of SIZES) {
    const results: Record<string, Measures[]> = { a: [], b: [], c: [] };
    for (let round = 0; round < Number(rounds); round++) {
      for (const [name, open] of Object.entries(LAYOUTS)) {
        results[name].push(await measure(name, open, `${root}/spike`, partitions, size));
      }
    }
    for (const [name, all] of Object.entries(results)) {
      const row = { partitions, size, layout: name, ...medians(all), ...against(all, results.b) };
      table.push(row);
      console.log(JSON.stringify(row));
    }
  }
}
console.table(table);

async function measure(
  name: string,
  open: OpenPrototype,
  folder: string,
  partitions: number,
  size: number,
): Promise<Measures> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const log = await open(folder);
  const { appends, seconds, latencies } = await load(log.append, partitions, size);
  const aloneP50Ms = await alone(log.append, partitions, size);
  await log.close();
  const bytes = (appends + ALONE) * size;
  const disk = diskBytes(folder) / bytes;

  const openedAt = performance.now();
  await (await open(folder)).close();
  const openMs = performance.now() - openedAt;
  /** Each on a log of its own, so that no measure finds what another read in a cache of ours. */
  const reading = async (read: (log: Prototype) => Promise<number>) => {
    const log = await open(folder);
    const mbPerS = await timed(() => read(log));
    await log.close();
    return mbPerS;
  };
  const readsOne = (log: Prototype) => drain(log.read(Math.min(partitions - 1, 7), 1_000_000));
  const readsEach = (log: Prototype) => readEach(log, partitions, bytes);
  const reads = {
    readOne: await reading(readsOne),
    readEach: await reading(readsEach),
    readTogether: await reading((log) => readTogether(log, partitions, bytes)),
  };
  const cleaned = { clean: NaN, cleanedReadOne: NaN, cleanedReadEach: NaN };
  if (name === "b" && partitions > 1) {
    cleaned.clean = await reading((log) => log.clean!().then(() => bytes));
    cleaned.cleanedReadOne = await reading(readsOne);
    cleaned.cleanedReadEach = await reading(readsEach);
  }
  latencies.sort();
  return {
    appendsPerS: appends / seconds,
    mbPerS: appends * size / seconds / 1e6,
    p50Ms: latencies[Math.floor(appends * 0.5)],
    p99Ms: latencies[Math.floor(appends * 0.99)],
    openMs,
    ...reads,
    ...cleaned,
    aloneP50Ms,
    disk,
  };
}

/** Keeps 16 MiB, but 4000 appends at most, under way to partitions in pseudo-random order. */
async function load(
  append: (partition: number, batch: Uint8Array) => Promise<void>,
  partitions: number,
  size: number,
) {
  const batch = new Uint8Array(size);
  for (let at = 0; at < size; at++) batch[at] = (at * 2_654_435_761) >>> 13;
  const times: number[] = [];
  let state = 1;
  const startedAt = performance.now();
  const endsAt = startedAt + Number(forMs);
  const client = async () => {
    while (performance.now() < endsAt && times.length * size < BYTES_MAX) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const sentAt = performance.now();
      await append((state >>> 8) % partitions, batch);
      times.push(performance.now() - sentAt);
    }
  };
  const clients = Math.min(4_000, Math.ceil(WINDOW_BYTES / size));
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1_000;
  return { appends: times.length, seconds, latencies: Float64Array.from(times) };
}

/** The median of one append after another. */
async function alone(append: Prototype["append"], partitions: number, size: number) {
  const times: number[] = [];
  for (let at = 0; at < ALONE; at++) {
    const sentAt = performance.now();
    await append(at % partitions, new Uint8Array(size));
    times.push(performance.now() - sentAt);
  }
  return median(times);
}

async function drain(steps: AsyncIterable<number>): Promise<number> {
  let bytes = 0;
  for await (const step of steps) bytes += step;
  return bytes;
}

/** All partitions, one after another, in steps of 1 MB. */
async function readEach(log: Prototype, partitions: number, expected: number) {
  let bytes = 0;
  for (let partition = 0; partition < partitions; partition++) {
    bytes += await drain(log.read(partition, 1_000_000));
  }
  if (bytes !== expected) throw new Error(`read ${bytes} of ${expected}`);
  return bytes;
}

/** All partitions side by side, in steps of 16 KB: as consumers do that fell behind together. */
async function readTogether(log: Prototype, partitions: number, expected: number) {
  let bytes = 0;
  let reading = Array.from({ length: partitions }, (_, at) => log.read(at, 16_384));
  while (reading.length > 0) {
    const left: typeof reading = [];
    for (const steps of reading) {
      const { done, value } = await steps.next();
      if (done) continue;
      bytes += value;
      left.push(steps);
    }
    reading = left;
  }
  if (bytes !== expected) throw new Error(`read ${bytes} of ${expected}`);
  return bytes;
}

async function timed(read: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const bytes = await read();
  return bytes / (performance.now() - startedAt) / 1_000;
}

function diskBytes(folder: string): number {
  let bytes = 0;
  for (const { name } of Deno.readDirSync(folder)) bytes += Deno.statSync(`${folder}/${name}`).size;
  return bytes;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function medians(all: readonly Measures[]): Measures {
  const names = Object.keys(all[0]) as (keyof Measures)[];
  const entries = names.map((name) => [name, rounded(median(all.map((each) => each[name])))]);
  return Object.fromEntries(entries);
}

/** Appends/s as a ratio to layout (b) in the same round: the median and the extremes. */
function against(all: readonly Measures[], base: readonly Measures[]): Record<string, number> {
  const ratios = all.map((each, round) => each.appendsPerS / base[round].appendsPerS);
  return {
    ratio: rounded(median(ratios)),
    low: rounded(Math.min(...ratios)),
    high: rounded(Math.max(...ratios)),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
