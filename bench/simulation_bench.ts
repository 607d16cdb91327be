// deno-lint-ignore-file no-console -- it prints its figures
/**
 * The simulation kernel: events per second of an echo program (network, segments, timers), against bare turns of the host's
 * event loop, in one run, turn by turn. Prints ratios with their spread (lowest to highest round).
 *
 *     deno run bench/simulation_bench.ts [rounds]
 *
 * @module
 */
import type { ByteStream } from "../environment/environment.ts";
import { simulate } from "../testing/mod.ts";
import { macrotask } from "../testing/simulation/macrotask.ts";

const rounds = Number(Deno.args[0] ?? 5);
const TURNS = 200_000;
const CLIENTS = 20;
const ECHOES = 3_000;
const ADDRESS = { host: "127.0.0.1", port: 9092 };

async function echo(stream: ByteStream): Promise<void> {
  const buffer = new Uint8Array(1000);
  for (let count; (count = await stream.read(buffer)) !== null;) {
    await stream.write([buffer.subarray(0, count)]);
  }
}

async function eventsPerSecond(seed: number): Promise<number> {
  await using simulation = simulate({ seed });
  const server = simulation.process("server");
  const client = simulation.process("client");
  const start = performance.now();
  await simulation.run(async () => {
    const listener = await server.environment.network.listen(ADDRESS);
    (async () => {
      for (let stream; (stream = await listener.accept()) !== null;) echo(stream);
    })();
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      const stream = await client.environment.network.dial(ADDRESS);
      const buffer = new Uint8Array(1000);
      for (let echoed = 0; echoed < ECHOES; echoed++) {
        await stream.write([buffer.subarray(0, 100)]);
        for (let count = 0; count < 100;) count += (await stream.read(buffer))!;
      }
      stream.close();
    }));
  });
  return simulation.events / (performance.now() - start) * 1000;
}

async function turnsPerSecond(): Promise<number> {
  const start = performance.now();
  for (let turn = 0; turn < TURNS; turn++) await macrotask();
  return TURNS / (performance.now() - start) * 1000;
}

const measured: { events: number; ratio: number }[] = [];
await eventsPerSecond(0); // compiled by now
for (let round = 1; round <= rounds; round++) {
  const events = await eventsPerSecond(round);
  measured.push({ events, ratio: events / await turnsPerSecond() });
}
const spread = (values: number[], digits: number) => {
  const sorted = values.toSorted((left, right) => left - right);
  const [low, middle, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)!]
    .map((value) => value.toFixed(digits));
  return `${middle} (${low} to ${high})`;
};
console.log(`events/s            ${spread(measured.map(({ events }) => events), 0)}`);
console.log(`per turn of the host ${spread(measured.map(({ ratio }) => ratio), 2)}`);
