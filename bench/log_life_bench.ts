/**
 * The life of a log: what it costs that it has grown, and what its cleaner does. Parts, all of them when none is named:
 *
 * - `order`: catching up with one of 1000 partitions, before and after their segments were put in order
 * - `cleaner`: the time a batch takes, without and with a compaction that is going on
 * - `keeping-up`: what is stored of a compacted topic that is written without a stop
 * - `compaction`: time and memory for a topic of many keys
 * - `size`: producing, and fetching old records, in a large log and in a small one
 *
 * Usage: deno task bench:life [PART…] [largeGb=20] [smallGb=1] [roundMb=128] [rounds=8] [fetches=2000] [dirtyMb=70]
 *   [keys=2000000] [writes=5] [valueBytes=1000]
 *
 * The whole of it needs about 25 GB of disk in the temporary folder, which are given back. Compared forms take turns.
 *
 * @module
 */
import { benchCleaner } from "./life/cleaner.ts";
import { benchCompaction } from "./life/compaction.ts";
import { benchKeepingUp } from "./life/keeping_up.ts";
import { lifeOptions } from "./life/options.ts";
import { benchOrder } from "./life/order.ts";
import { benchSize } from "./life/size.ts";
import { say } from "./support/figures.ts";

const PARTS = {
  order: benchOrder,
  cleaner: benchCleaner,
  "keeping-up": benchKeepingUp,
  compaction: benchCompaction,
  size: benchSize,
};

const { parts, options } = lifeOptions(Deno.args, Object.keys(PARTS));
say(
  `${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ${
    new Date().toISOString().slice(0, 10)
  }: median (lowest–highest)`,
);
for (const part of parts) await PARTS[part as keyof typeof PARTS](options);
