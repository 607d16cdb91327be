/**
 * Many topics, partitions and connections: 1000 topics of 10 partitions, all with data, and 1000 idle connections.
 *
 * Usage: deno run --allow-net --allow-read --allow-write --allow-run --allow-env --allow-sys bench/scale_bench.ts
 *
 * @module
 */
import { Admin } from "../client/mod.ts";
import { Serving } from "../tests/cli/process.ts";
import { millisOf, residentMb, say } from "./support/figures.ts";
import { batchOf, environment, produceAll, produceFrame, Wire } from "./support/wire.ts";

const TOPICS = 1_000;
const PARTITIONS = 10;
const CONNECTIONS = 1_000;
const BATCH_BYTES = 1_000;
/** Unanswered requests of a connection. */
const WINDOW = 20;

const names = Array.from({ length: TOPICS }, (_, n) => `topic-${n}`);
const partitions = Array.from({ length: PARTITIONS }, (_, n) => n);

function start(data: string): Promise<Serving> {
  return Serving.start("--listen", "127.0.0.1:0", "--data", data);
}

async function tell(what: string, run: () => Promise<unknown>): Promise<void> {
  say(`  ${what}: ${(await millisOf(run)).toFixed(0)} ms`);
}

function tellMemory(what: string, { pid }: Serving): void {
  say(`  resident memory ${what}: ${residentMb(pid).toFixed(0)} MB`);
}

async function benchTopics(serving: Serving): Promise<void> {
  const { port } = serving;
  await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
  await tell(
    `created, ${TOPICS} topics of ${PARTITIONS} partitions in one request`,
    () => admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS }))),
  );
  const batch = batchOf(BATCH_BYTES);
  const frames = names.map((name) => produceFrame(name, partitions, batch));
  using wire = await Wire.dial(port);
  await tell(
    "a batch of 1 KB to every partition, each for the first time",
    () => produceAll(wire, frames, TOPICS, WINDOW),
  );
  await tell("listed", () => admin.listTopics());
  await tell("described, all partitions", () => admin.describeTopics(names));
  tellMemory("then", serving);
}

async function benchConnections(serving: Serving): Promise<void> {
  const before = residentMb(serving.pid);
  const frame = produceFrame(names[0], [0], batchOf(BATCH_BYTES));
  const wires: Wire[] = [];
  await tell(`${CONNECTIONS} connections, one after another, a record over each`, async () => {
    for (let n = 0; n < CONNECTIONS; n++) {
      const wire = await Wire.dial(serving.port);
      wires.push(wire);
      await produceAll(wire, [frame], 1, 1);
    }
  });
  const held = residentMb(serving.pid) - before;
  say(`  memory per connection: ${(held * 1_024 / CONNECTIONS).toFixed(0)} KB`);
  await tell(
    "a record over each again, all at once",
    () => Promise.all(wires.map((wire) => produceAll(wire, [frame], 1, 1))),
  );
  for (const wire of wires) wire[Symbol.dispose]();
}

async function benchRestart(data: string): Promise<void> {
  const startedMs = performance.now();
  await using serving = await start(data);
  say(`  start to listening after SIGKILL: ${(performance.now() - startedMs).toFixed(0)} ms`);
  tellMemory("idle", serving);
  await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${serving.port}` });
  const found = await admin.describeTopics(names);
  const count = found.reduce((sum, { partitions }) => sum + partitions.length, 0);
  if (count !== TOPICS * PARTITIONS) throw new Error(`${count} partitions are there`);
}

const data = await Deno.makeTempDir({ prefix: "odradek-bench-scale-" });
try {
  say(`${TOPICS * PARTITIONS} partitions, ${CONNECTIONS} connections`);
  const serving = await start(data);
  await benchTopics(serving);
  await benchConnections(serving);
  await serving.stop("SIGKILL");
  await benchRestart(data);
} finally {
  await Deno.remove(data, { recursive: true });
}
