/**
 * Whether the cleaner keeps up with what is written: a compacted topic of few keys, written without a stop. What is stored
 * beyond the live records is dirty, or was replaced and not deleted yet.
 *
 * @module
 */
import { sleep } from "../../environment/sleep.ts";
import { say } from "../support/figures.ts";
import { environment } from "../support/wire.ts";
import { LifeBroker } from "./broker.ts";
import { keyedBatches } from "./keyed_batches.ts";

const MB = 1_000_000;
const TOPIC = "kept";
const KEYS = 960;
const MB_PER_SECOND = [1, 5, 20];
const WRITTEN_MS = 90_000;
const TICK_MS = 100;
const LOOK_MS = 2_000;

/** Writes at each rate, to a broker of its own. */
export async function benchKeepingUp(): Promise<void> {
  say(`A compacted topic of ${KEYS} keys of 1 KB, written for ${WRITTEN_MS / 1_000} s`);
  const batches = keyedBatches(KEYS);
  for (const rate of MB_PER_SECOND) {
    await using broker = await LifeBroker.start("log.cleaner.backoff.ms=1000");
    await broker.admin.createTopics([
      { name: TOPIC, partitions: 1, configs: { "cleanup.policy": "compact" } },
    ]);
    const startMs = performance.now();
    const sizes: number[] = [];
    let writtenMb = 0;
    while (performance.now() - startMs < WRITTEN_MS) {
      const dueMb = rate * (performance.now() - startMs + TICK_MS) / 1_000;
      await broker.produce(TOPIC, 1, batches, Math.max(0, dueMb - writtenMb) * MB);
      writtenMb = Math.max(dueMb, writtenMb);
      if (performance.now() - startMs > (sizes.length + 1) * LOOK_MS) {
        sizes.push(await broker.sizeBytes(TOPIC) / MB);
      }
      await sleep(environment, TICK_MS);
    }
    say(
      `  ${rate} MB/s: of ${writtenMb.toFixed(0)} MB written at most ${
        Math.max(...sizes).toFixed(0)
      } MB were stored, ${sizes.at(-1)!.toFixed(0)} at the end; ${
        (await broker.folderBytes() / MB).toFixed(0)
      } MB of files`,
    );
  }
}
