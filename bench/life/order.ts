/**
 * Catching up with one of many partitions: before and after the cleaner has put their segments in order. The two logs hold
 * the same, and are read in turn.
 *
 * @module
 */
import { buildBatch } from "../../protocol/records/builder.ts";
import { at, millisOf, say, spread } from "../support/figures.ts";
import { environment } from "../support/wire.ts";
import { appendAll, cleanedWholly, MIXED_TOPIC, readAll, withStore } from "./log_folder.ts";
import type { LifeOptions } from "./options.ts";

const MB = 1_000_000;
const PARTITIONS = 1_000;
const MIXED_BYTES = 120 * MB;
const BATCH_BYTES = 900;
const READ = 40;

/** Writes two logs, has one of them put in order, and reads both. */
export async function benchOrder({ rounds }: LifeOptions): Promise<void> {
  say(`Catching up with one of ${PARTITIONS} partitions, ${BATCH_BYTES} bytes a batch`);
  const mixed = await Deno.makeTempDir({ prefix: "odradek-bench-mixed-" });
  const ordered = await Deno.makeTempDir({ prefix: "odradek-bench-ordered-" });
  try {
    for (const path of [mixed, ordered]) await fill(path);
    const ms = await putInOrder(ordered);
    say(`  ${MIXED_BYTES / MB} MB put in order in ${(ms / 1_000).toFixed(1)} s`);
    const [before, after]: number[][] = [[], []];
    for (let round = 0; round < rounds; round++) {
      before.push(await catchUp(mixed));
      after.push(await catchUp(ordered));
    }
    const ratios = after.map((rate, round) => rate / before[round]);
    say(
      `  ${at(before, 0.5).toFixed(0)} MB/s mixed, ${at(after, 0.5).toFixed(0)} MB/s in order: × ${
        spread(ratios, 1)
      }`,
    );
  } finally {
    for (const path of [mixed, ordered]) await Deno.remove(path, { recursive: true });
  }
}

function fill(path: string): Promise<void> {
  return withStore(path, async (store) => {
    const logs = await Promise.all(
      Array.from(
        { length: PARTITIONS },
        (_, partition) => store.open({ topicId: MIXED_TOPIC, partition }),
      ),
    );
    const value = environment.random.bytes(BATCH_BYTES - 80);
    const batch = buildBatch([{ value, timestampMs: environment.clock.now() }]);
    await appendAll((n) =>
      n * batch.length >= MIXED_BYTES ? null : { log: logs[n * 7 % PARTITIONS], batch }
    );
  });
}

/** Each segment that is read often is put in order: here by reading all of them. */
function putInOrder(path: string): Promise<number> {
  return withStore(path, async (store) => {
    for (let partition = 0; partition < PARTITIONS; partition += 10) {
      await readAll(await store.open({ topicId: MIXED_TOPIC, partition }));
    }
    return await millisOf(() => cleanedWholly(store));
  });
}

/** MB/s of some partitions, one after the other, from a log that was just opened. */
function catchUp(path: string): Promise<number> {
  return withStore(path, async (store) => {
    let bytes = 0;
    const ms = await millisOf(async () => {
      for (let n = 0; n < READ; n++) {
        const log = await store.open({ topicId: MIXED_TOPIC, partition: n * PARTITIONS / READ });
        await readAll(log);
        bytes += log.sizeBytes;
      }
    });
    return bytes / MB / ms * 1_000;
  });
}
