/**
 * Measures what the page size and the checkpointer thread bring to commits of full chunks, interleaved:
 *
 *     deno run --unstable-kv --allow-read=FOLDER --allow-write=FOLDER bench/spike/tuning.ts FOLDER [ROUNDS]
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { Checkpointer } from "../../storage/kv/deno/checkpointer.ts";
import { createWithLargePages } from "../../storage/kv/deno/page_size.ts";

const [root, rounds = "5"] = Deno.args;
if (!root) throw new Error("Which folder may the benchmark write to?");
const BYTES = 300_000_000;
const VARIANTS = {
  plain: { pages: false, thread: false },
  pages: { pages: true, thread: false },
  "pages+thread": { pages: true, thread: true },
};
const SHAPES = { full: 11, single: 1 };

for (const [shape, chunks] of Object.entries(SHAPES)) {
  const all: Record<string, { mbPerS: number; p50Ms: number; p99Ms: number; maxMs: number }[]> = {};
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, variant] of Object.entries(VARIANTS)) {
      (all[name] ??= []).push(await measure(variant, chunks));
    }
  }
  for (const [name, each] of Object.entries(all)) {
    const ratios = each.map(({ mbPerS }, round) => mbPerS / all.plain[round].mbPerS);
    const of = (field: keyof typeof each[0]) =>
      median(each.map((one) => one[field])).toPrecision(3);
    console.log(
      `${shape} ${name}: ${of("mbPerS")} MB/s, p50 ${of("p50Ms")}, p99 ${of("p99Ms")}, ` +
        `max ${of("maxMs")} ms; MB/s to plain ${median(ratios).toPrecision(3)} ` +
        `(${Math.min(...ratios).toPrecision(3)}-${Math.max(...ratios).toPrecision(3)})`,
    );
  }
}

async function measure(variant: { pages: boolean; thread: boolean }, chunks: number) {
  const folder = `${root}/tuning`;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder);
  const path = `${folder}/a.kv`;
  if (variant.pages) await createWithLargePages(path);
  const kv = await Deno.openKv(path);
  const checkpointer = new Checkpointer({ startBytes: variant.thread ? 1 : Infinity });
  await checkpointer.add(path);
  checkpointer.wrote(1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const value = new Uint8Array(65_536).map((_, at) => (at * 2_654_435_761) >>> 13);
  const times: number[] = [];
  const startedAt = performance.now();
  const commits = BYTES / 4 ** (chunks === 1 ? 1 : 0) / (65_536 * chunks);
  let sequence = 0;
  const chain = async () => {
    while (sequence < commits) {
      const current = ++sequence;
      const atomic = kv.atomic().set(["h"], new Uint8Array(32));
      for (let piece = 0; piece < chunks; piece++) atomic.set(["c", current, piece], value);
      const sentAt = performance.now();
      await atomic.commit();
      times.push(performance.now() - sentAt);
      checkpointer.wrote(65_536 * chunks);
    }
  };
  await Promise.all([chain(), chain()]);
  const seconds = (performance.now() - startedAt) / 1_000;
  kv.close();
  await checkpointer.stop();
  times.sort((a, b) => a - b);
  return {
    mbPerS: times.length * chunks * 65_536 / seconds / 1e6,
    p50Ms: times[times.length >> 1],
    p99Ms: times[Math.floor(times.length * 0.99)],
    maxMs: times.at(-1)!,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
