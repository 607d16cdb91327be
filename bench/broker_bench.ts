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
import { buildBatch } from "../protocol/records/builder.ts";
import { Serving } from "../tests/cli/process.ts";
import { at, millisOf, residentMb, say, spread } from "./support/figures.ts";
import { loopback, RawStores } from "./support/raw.ts";
import { environment, fetchAll, produceAll, produceFrame, Wire } from "./support/wire.ts";

const MB = 1_000_000;
const roundBytes = Number(Deno.args[0] ?? 64) * MB;
const rounds = Number(Deno.args[1] ?? 5);
const pushedGb = Number(Deno.args[2] ?? 5);
const CONNECTIONS = 4;
const WINDOW = 5;
const REQUEST_BYTES = 1_000_000;
const SIZES: readonly (readonly [label: string, bytes: number])[] = [
  ["1 KB", 1_000],
  ["16 KB", 16_000],
  ["64 KB", 64_000],
  ["1 MB", 1_000_000],
];
const PARTITION_COUNTS = [1, 8, 64, 1_000];

/** A batch of about `bytes`: records of 1 KB that nothing compresses. */
function batchOf(bytes: number): Uint8Array {
  const values: Uint8Array[] = [];
  for (let left = bytes - 61; left > 20; left -= 1_000) {
    values.push(environment.random.bytes(Math.max(1, Math.min(990, left - 10))));
  }
  return buildBatch(values.map((value) => ({ value, timestampMs: environment.clock.now() })));
}

async function createTopics(port: number): Promise<void> {
  await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
  await admin.createTopics([
    ...PARTITION_COUNTS.map((partitions) => ({ name: topicOf(partitions), partitions })),
    ...SIZES.map(([, bytes]) => ({ name: `read-${bytes}`, partitions: 1 })),
    { name: "single", partitions: 1 },
  ]);
}

const topicOf = (partitions: number) => `produce-${partitions}`;

/** Requests that together name every partition, each of about a megabyte, as a producer's sender makes them. */
function framesOf(topic: string, partitions: number, batch: Uint8Array): Uint8Array[][] {
  const perRequest = Math.max(1, Math.min(partitions, Math.floor(REQUEST_BYTES / batch.length)));
  const frames: Uint8Array[][] = [];
  for (let first = 0; first < partitions; first += perRequest) {
    const count = Math.min(perRequest, partitions - first);
    frames.push(produceFrame(topic, Array.from({ length: count }, (_, n) => first + n), batch));
  }
  return frames;
}

async function benchProduce(wires: readonly Wire[], raw: RawStores): Promise<void> {
  say("Produce, acks=all, against raw commits of the same bytes packed full");
  for (const partitions of PARTITION_COUNTS) {
    for (const [label, bytes] of SIZES) {
      const batch = batchOf(bytes);
      const frames = framesOf(topicOf(partitions), partitions, batch);
      const perFrame = partitions / frames.length;
      const requests = Math.ceil(roundBytes / (perFrame * batch.length) / wires.length);
      const total = requests * wires.length * perFrame * batch.length;
      const ratios: number[] = [];
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const rawMs = await millisOf(() => raw.commit(total));
        const brokerMs = await millisOf(() =>
          Promise.all(wires.map((wire) => produceAll(wire, frames, requests, WINDOW)))
        );
        ratios.push(rawMs / brokerMs);
        rates.push(total / batch.length / brokerMs * 1_000);
      }
      const rate = at(rates, 0.5);
      say(
        `  ${String(partitions).padStart(4)} partitions, ${label.padStart(5)}: ${
          spread(ratios)
        } × raw, ` +
          `${Math.round(rate)} batches/s, ${(rate * batch.length / MB).toFixed(0)} MB/s`,
      );
    }
  }
}

async function benchFetch(wire: Wire, raw: RawStores): Promise<void> {
  say("Fetch of one partition from the start, against a raw list and loopback TCP");
  for (const [label, bytes] of SIZES) {
    const batch = batchOf(bytes);
    const topic = `read-${bytes}`;
    const count = Math.ceil(roundBytes / batch.length);
    await produceAll(wire, framesOf(topic, 1, batch), count, WINDOW);
    const ofList: number[] = [];
    const ofLoopback: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const total = count * batch.length;
      const listMs = await millisOf(() => raw.list(total));
      const loopbackMs = await millisOf(() => loopback(total));
      const fetchMs = await millisOf(() => fetchAll(wire, topic, 0, total));
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

async function benchSingle(wire: Wire, raw: RawStores): Promise<void> {
  say("One record of 1 KB at a time, acks=all, against a raw commit of the same bytes");
  const batch = batchOf(1_000);
  const frame = produceFrame("single", [0], batch);
  const ofBroker: number[] = [];
  const ofRaw: number[] = [];
  for (let n = 0; n < 1_000; n++) {
    ofRaw.push(await millisOf(() => raw.commitOne(batch)));
    ofBroker.push(await millisOf(() => produceAll(wire, [frame], 1, 1)));
  }
  for (const [name, share] of [["p50", 0.5], ["p99", 0.99]] as const) {
    const [broker, commit] = [at(ofBroker, share), at(ofRaw, share)];
    say(
      `  ${name}: ${broker.toFixed(2)} ms, raw ${commit.toFixed(2)} ms: ${
        (broker / commit).toFixed(2)
      } × raw`,
    );
  }
}

async function benchMemory(serving: Serving, wires: readonly Wire[]): Promise<void> {
  const batch = batchOf(16_000);
  const frames = framesOf(topicOf(64), 64, batch);
  const requests = Math.ceil(
    pushedGb * 1_000 * MB / (64 / frames.length * batch.length) / wires.length,
  );
  const ms = await millisOf(() =>
    Promise.all(wires.map((wire) => produceAll(wire, frames, requests, WINDOW)))
  );
  say(
    `Resident memory after ${pushedGb} GB more (${(pushedGb * 1_000_000 / ms).toFixed(0)} MB/s): ` +
      `${residentMb(serving.pid).toFixed(0)} MB`,
  );
}

async function benchStart(): Promise<void> {
  const times: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < 10; round++) {
    const data = await Deno.makeTempDir({ prefix: "odradek-bench-start-" });
    let serving: Serving;
    times.push(await millisOf(async () => serving = await start(data)));
    resident.push(residentMb(serving!.pid));
    await serving!.stop("SIGTERM");
    await Deno.remove(data, { recursive: true });
  }
  say(`Process start to ready, empty folder: ${spread(times, 0)} ms`);
  say(`Resident memory idle: ${spread(resident, 0)} MB`);
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
  await benchSingle(wires[0], raw);
  await benchProduce(wires, raw);
  await benchFetch(wires[0], raw);
  await benchMemory(serving, wires);
  for (const wire of wires) wire[Symbol.dispose]();
} finally {
  await Deno.remove(data, { recursive: true });
}
