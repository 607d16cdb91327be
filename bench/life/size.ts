/**
 * Whether a log that has grown is slower: two brokers, one with much and one with little, take turns.
 *
 * @module
 */
import { at, millisOf, say, spread } from "../support/figures.ts";
import { batchOf, fetchOnce } from "../support/wire.ts";
import { LifeBroker } from "./broker.ts";
import type { LifeOptions } from "./options.ts";

const MB = 1_000_000;
const TOPIC = "grown";
const PARTITIONS = 8;
const BATCH_BYTES = 64_000;
const FETCH_BYTES = 65_536;

/** Fills both, produces to both in turn, and fetches old records of both in turn. */
export async function benchSize(options: LifeOptions): Promise<void> {
  const { largeGb, smallGb, roundMb, rounds, fetches } = options;
  say(`A log of ${largeGb} GB against one of ${smallGb} GB, ${PARTITIONS} partitions`);
  await using small = await LifeBroker.start();
  await using large = await LifeBroker.start();
  const batches = Array.from({ length: 8 }, () => batchOf(BATCH_BYTES));
  for (const [broker, gb] of [[small, smallGb], [large, largeGb]] as const) {
    await broker.admin.createTopics([{ name: TOPIC, partitions: PARTITIONS }]);
    const ms = await millisOf(() => broker.produce(TOPIC, PARTITIONS, batches, gb * 1e9));
    say(`  ${gb} GB written in ${(ms / 1_000).toFixed(0)} s: ${(gb * 1e6 / ms).toFixed(0)} MB/s`);
  }
  const rates: Record<"small" | "large", number[]> = { small: [], large: [] };
  const rate = async (broker: LifeBroker) => {
    const ms = await millisOf(() => broker.produce(TOPIC, PARTITIONS, batches, roundMb * MB));
    return roundMb / ms * 1_000;
  };
  for (let round = 0; round < rounds; round++) {
    // Who is first changes, so that neither has the other's checkpoints always in its back.
    if (round % 2 === 0) rates.small.push(await rate(small));
    rates.large.push(await rate(large));
    if (round % 2 === 1) rates.small.push(await rate(small));
  }
  say(
    `  produce: ${at(rates.large, 0.5).toFixed(0)} MB/s against ${
      at(rates.small, 0.5).toFixed(0)
    }: × ${spread(rates.large.map((each, round) => each / rates.small[round]))}`,
  );
  await benchFetch(small, large, fetches);
}

async function benchFetch(small: LifeBroker, large: LifeBroker, fetches: number): Promise<void> {
  const forms = [
    { name: "old, large log", broker: large, random: true, ms: [] as number[] },
    { name: "old, small log", broker: small, random: true, ms: [] as number[] },
    { name: "newest, large log", broker: large, random: false, ms: [] as number[] },
  ];
  const ends = new Map<LifeBroker, readonly number[]>();
  for (const broker of [small, large]) ends.set(broker, await endsOf(broker));
  for (let n = -20; n < fetches; n++) {
    for (const { broker, random, ms } of forms) {
      const partition = Math.floor(Math.random() * PARTITIONS);
      const end = ends.get(broker)![partition];
      const offset = random ? Math.floor(Math.random() * end * 0.9) : end - 1;
      const took = await millisOf(() =>
        fetchOnce(broker.wires[0], TOPIC, partition, BigInt(offset), FETCH_BYTES)
      );
      if (n >= 0) ms.push(took);
    }
  }
  say(`  one fetch of ${FETCH_BYTES / 1024} KiB at a time, ms: p50 / p99 / longest`);
  for (const { name, ms } of forms) {
    const [p50, p99, longest] = [0.5, 0.99, 1].map((share) => at(ms, share).toFixed(2));
    say(`    ${name}: ${p50} / ${p99} / ${longest}`);
  }
}

async function endsOf({ admin }: LifeBroker): Promise<number[]> {
  const found = await admin.listOffsets(
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: TOPIC,
      partition,
      at: "latest" as const,
    })),
  );
  return found.map(({ offset }) => Number(offset));
}
