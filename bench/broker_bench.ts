/**
 * The whole broker, as a process of its own behind loopback TCP, against the physical limit: the same bytes straight into
 * Deno KV, in the same run, turn by turn. Prints ratios with their spread.
 *
 * Usage: deno task bench [MB per round] [rounds] [GB to push through]
 *
 * The load comes from this process, so that broker and load share the machine's cores.
 *
 * @module
 */
import { Admin } from "../client/mod.ts";
import { Serving } from "../tests/cli/process.ts";
import { at, millisOf, residentMb, say, spread } from "./support/figures.ts";
import { Loopback, RawStores } from "./support/raw.ts";
import {
  batchOf,
  environment,
  fetchAll,
  produceAll,
  produceFrame,
  tailOnce,
  Wire,
} from "./support/wire.ts";

const MB = 1_000_000;
const roundBytes = Number(Deno.args[0] ?? 64) * MB;
const rounds = Number(Deno.args[1] ?? 5);
const pushedGb = Number(Deno.args[2] ?? 5);
const CONNECTIONS = 4;
const REQUEST_BYTES = 1_000_000;
/** Unanswered bytes of a connection, so that the broker always has something to do. */
const WINDOW_BYTES = 5 * REQUEST_BYTES;
/** The broker begins no more requests of one connection at a time. */
const WINDOW_MAX = 100;
/** What Kafka's producers have under way by default (`max.in.flight.requests.per.connection`). */
const CLIENT_WINDOW = 5;
/** More than the broker keeps in memory. */
const CATCH_UP_BYTES = Math.max(3 * roundBytes, 192 * MB);
const SIZES: readonly (readonly [label: string, bytes: number])[] = [
  ["1 KB", 1_000],
  ["16 KB", 16_000],
  ["64 KB", 64_000],
  ["1 MB", 1_000_000],
];
const PARTITION_COUNTS = [1, 8, 64, 1_000];

/** What a round works with. */
interface Bench {
  readonly wires: readonly Wire[];
  readonly raw: RawStores;
  readonly loopback: Loopback;
}

async function createTopics(port: number): Promise<void> {
  await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
  await admin.createTopics([
    ...PARTITION_COUNTS.map((partitions) => ({ name: topicOf(partitions), partitions })),
    ...SIZES.map(([, bytes]) => ({ name: `read-${bytes}`, partitions: 1 })),
    { name: "single", partitions: 1 },
    { name: "tail", partitions: 1 },
  ]);
}

const topicOf = (partitions: number) => `produce-${partitions}`;

/** Requests that together name every partition, each of about a megabyte, as a producer's sender makes them. */
function framesOf(topic: string, partitions: number, batch: Uint8Array): Frames {
  const perFrame = Math.max(1, Math.min(partitions, Math.floor(REQUEST_BYTES / batch.length)));
  const frames: Uint8Array[][] = [];
  for (let first = 0; first < partitions; first += perFrame) {
    const count = Math.min(perFrame, partitions - first);
    frames.push(produceFrame(topic, Array.from({ length: count }, (_, n) => first + n), batch));
  }
  const batchesIn = (requests: number) => {
    const [rounds, rest] = [Math.floor(requests / frames.length), requests % frames.length];
    return rounds * partitions + rest * perFrame;
  };
  return { frames, frameBytes: perFrame * batch.length, batchesIn };
}

/** How many requests of this size a connection has unanswered. */
function windowOf(frameBytes: number, max = WINDOW_MAX): number {
  return Math.max(CLIENT_WINDOW, Math.min(max, Math.ceil(WINDOW_BYTES / frameBytes)));
}

interface Frames {
  readonly frames: readonly (readonly Uint8Array[])[];
  /** Of the largest, batches only. */
  readonly frameBytes: number;
  /** How many batches the first so many requests hold, when the frames are sent in turn. */
  batchesIn(requests: number): number;
}

async function benchProduce(bench: Bench): Promise<void> {
  say("Produce, acks=all, against raw commits of the same bytes packed full: alone, and while as");
  say("many bytes arrive through loopback TCP");
  for (const partitions of PARTITION_COUNTS) {
    for (const [label, bytes] of SIZES) await benchProduceOf(bench, partitions, label, bytes);
  }
  await benchProduceOf(bench, 1, "1 KB", 1_000, CLIENT_WINDOW);
}

async function benchProduceOf(
  { wires, raw, loopback }: Bench,
  partitions: number,
  label: string,
  bytes: number,
  windowMax = WINDOW_MAX,
): Promise<void> {
  const batch = batchOf(bytes);
  const { frames, frameBytes, batchesIn } = framesOf(topicOf(partitions), partitions, batch);
  const window = windowOf(frameBytes, windowMax);
  const requests = Math.ceil(roundBytes / frameBytes / wires.length);
  const batches = batchesIn(requests) * wires.length;
  const total = batches * batch.length;
  const alone: number[] = [];
  const beside: number[] = [];
  const rates: number[] = [];
  // The first round is not counted: partitions are opened, code is compiled.
  for (let round = -1; round < rounds; round++) {
    const aloneMs = await millisOf(() => raw.commit(total));
    const besideMs = await millisOf(() =>
      Promise.all([raw.commit(total), loopback.receive(total)])
    );
    const brokerMs = await millisOf(() =>
      Promise.all(wires.map((wire) => produceAll(wire, frames, requests, window)))
    );
    if (round < 0) continue;
    alone.push(aloneMs / brokerMs);
    beside.push(besideMs / brokerMs);
    rates.push(batches / brokerMs * 1_000);
  }
  const rate = at(rates, 0.5);
  const inFlight = windowMax === WINDOW_MAX ? "" : `, ${windowMax} requests in flight`;
  say(
    `  ${String(partitions).padStart(4)} partitions, ${label.padStart(5)}${inFlight}: ${
      spread(alone)
    } × raw alone, ${spread(beside)} × raw beside loopback, ${Math.round(rate)} batches/s, ${
      (rate * batch.length / MB).toFixed(0)
    } MB/s`,
  );
}

async function benchFetch({ wires, raw, loopback }: Bench): Promise<void> {
  const mb = CATCH_UP_BYTES / MB;
  say(`Fetch of one partition of ${mb} MB from the start, against a raw list and loopback TCP`);
  await raw.commit(CATCH_UP_BYTES);
  for (const [label, bytes] of SIZES) {
    const batch = batchOf(bytes);
    const topic = `read-${bytes}`;
    const count = Math.ceil(CATCH_UP_BYTES / batch.length / wires.length);
    const total = count * batch.length * wires.length;
    const { frames, frameBytes } = framesOf(topic, 1, batch);
    const window = windowOf(frameBytes);
    await Promise.all(wires.map((wire) => produceAll(wire, frames, count, window)));
    const ofList: number[] = [];
    const ofLoopback: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const listMs = await millisOf(() => raw.list(total));
      const loopbackMs = await millisOf(() => loopback.receive(total));
      const fetchMs = await millisOf(() => fetchAll(wires[0], topic, 0n, total));
      ofList.push(listMs / fetchMs);
      ofLoopback.push(loopbackMs / fetchMs);
      rates.push(total / MB / fetchMs * 1_000);
    }
    say(
      `  ${label.padStart(5)}: ${spread(ofList)} × raw list, ${spread(ofLoopback)} × loopback, ` +
        `${at(rates, 0.5).toFixed(0)} MB/s`,
    );
  }
}

async function benchSingle({ wires: [writer, reader], raw }: Bench): Promise<void> {
  say("One record of 1 KB at a time, acks=all, and a Fetch that waits for it");
  const batch = batchOf(1_000);
  const frame = produceFrame("single", [0], batch);
  const tailFrame = produceFrame("tail", [0], batch);
  const produced: number[] = [];
  const fetched: number[] = [];
  const committed: number[] = [];
  let offset = 0n;
  for (let n = -100; n < 1_000; n++) {
    const rawMs = await millisOf(() => raw.commitOne(batch));
    const producedMs = await millisOf(() => produceAll(writer, [frame], 1, 1));
    const tail = await tailOnce(reader, writer, "tail", offset, tailFrame);
    offset = tail.offset;
    if (n < 0) continue; // warming up
    committed.push(rawMs);
    produced.push(producedMs);
    fetched.push(tail.ms);
  }
  for (const [name, share] of [["p50", 0.5], ["p99", 0.99]] as const) {
    const [produce, fetch, commit] = [produced, fetched, committed].map((all) => at(all, share));
    say(
      `  ${name}: acknowledged in ${produce.toFixed(2)} ms (${
        (produce / commit).toFixed(2)
      } × a raw commit), fetched in ${fetch.toFixed(2)} ms; a raw commit takes ${
        commit.toFixed(2)
      } ms`,
    );
  }
}

async function benchMemory(serving: Serving, wires: readonly Wire[]): Promise<void> {
  const { frames, frameBytes } = framesOf(topicOf(64), 64, batchOf(16_000));
  const requests = Math.ceil(pushedGb * 1_000 * MB / frameBytes / wires.length);
  const ms = await millisOf(() =>
    Promise.all(wires.map((wire) => produceAll(wire, frames, requests, CLIENT_WINDOW)))
  );
  say(
    `Resident memory after ${pushedGb} GB more (${(pushedGb * 1_000_000 / ms).toFixed(0)} MB/s): ` +
      `${residentMb(serving.pid).toFixed(0)} MB`,
  );
}

/** The runtime itself takes its part: a process that does nothing is measured beside. */
async function benchStart(): Promise<void> {
  const nothing: number[] = [];
  const empty: number[] = [];
  const again: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < 10; round++) {
    nothing.push(await millisOf(runNothing));
    const data = await Deno.makeTempDir({ prefix: "odradek-bench-start-" });
    for (const times of [empty, again]) {
      const startedMs = performance.now();
      const serving = await start(data);
      times.push(performance.now() - startedMs);
      if (times === empty) resident.push(residentMb(serving.pid));
      await serving.stop("SIGTERM");
    }
    await Deno.remove(data, { recursive: true });
  }
  say(
    `Process start to listening: ${spread(empty, 0)} ms in a new folder, ${
      spread(again, 0)
    } ms in one that is there`,
  );
  say(`Deno running a module without a line: ${spread(nothing, 0)} ms`);
  say(`Resident memory idle: ${spread(resident, 0)} MB`);
}

function runNothing(): Promise<Deno.CommandOutput> {
  return new Deno.Command(Deno.execPath(), { args: ["run", "data:text/javascript,"] }).output();
}

function start(data: string): Promise<Serving> {
  return Serving.start("--listen", "127.0.0.1:0", "--data", data);
}

say(
  `${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ${
    new Date().toISOString().slice(0, 10)
  }; ` +
    `${roundBytes / MB} MB a round, ${rounds} rounds: median (lowest–highest)`,
);
await benchStart();
const data = await Deno.makeTempDir({ prefix: "odradek-bench-" });
try {
  await using serving = await start(data);
  await createTopics(serving.port);
  await using raw = await RawStores.open();
  const wires = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Wire.dial(serving.port)),
  );
  await using loopback = await Loopback.open();
  const bench: Bench = { wires, raw, loopback };
  await benchSingle(bench);
  await benchProduce(bench);
  await benchFetch(bench);
  await benchMemory(serving, wires);
  for (const wire of wires) wire[Symbol.dispose]();
} finally {
  await Deno.remove(data, { recursive: true });
}
