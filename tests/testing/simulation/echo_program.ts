/**
 * A small program with everything that is random in it: clients of an echo server on a rough network, a store with
 * faults, a server killed now and then. Prints the hash of a seed when run: `deno run echo_program.ts 17`.
 *
 * @module
 */
import type { ByteStream, Environment } from "../../../environment/environment.ts";
import { sleep } from "../../../environment/sleep.ts";
import { ROUGH_KV, ROUGH_NETWORK, simulate, type Simulation } from "../../../testing/mod.ts";

const ADDRESS = { host: "127.0.0.1", port: 9092 };
const CLIENTS = 4;
const ROUNDS = 40;

/** Runs the program and returns the simulation's hash. */
export async function echoHash(seed: number): Promise<string> {
  await using simulation = simulate({ seed, network: { ...ROUGH_NETWORK, resetChance: 0.02 } });
  simulation.store("data", { faults: ROUGH_KV });
  let server = startServer(simulation);
  const end = simulation.occasionally("kill", "200ms", (random) => {
    server.kill(random.pick(["closed", "reset", "silent"]));
    server = startServer(simulation);
  });
  let done = 0;
  for (let client = 0; client < CLIENTS; client++) {
    const { environment } = simulation.process(`client-${client}`);
    simulation.after(
      client,
      () => void runClient(simulation, environment, client).then(() => done++),
    );
  }
  await simulation.until(() => done === CLIENTS);
  end();
  return simulation.hash;
}

function startServer(simulation: Simulation) {
  const process = simulation.process("server");
  (async () => {
    const kv = await simulation.store().of(process).open("log");
    const listener = await process.environment.network.listen(ADDRESS);
    const serve = async (stream: ByteStream) => {
      const buffer = new Uint8Array(64);
      for (let count; (count = await stream.read(buffer)) !== null;) {
        const value = buffer.slice(0, count);
        const { kind } = await kv.commit({ sets: [{ key: value, value }] });
        if (kind === "ok") await stream.write([value]);
      }
    };
    for (let stream; (stream = await listener.accept()) !== null;) serve(stream).catch(() => {});
  })();
  return process;
}

async function runClient(
  simulation: Simulation,
  environment: Environment,
  client: number,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const stream = await environment.network.dial(ADDRESS).catch(() => null);
    if (stream === null) {
      await sleep(environment, 5 + environment.random.next());
      continue;
    }
    const timeout = environment.timers.schedule(50, () => stream.close());
    try {
      await stream.write([Uint8Array.of(client, round)]);
      const count = await stream.read(new Uint8Array(8));
      simulation.history.record("answered", { client, round, count });
    } catch (error) {
      simulation.history.record("failed", { client, round, error });
    }
    timeout.cancel();
    stream.close();
  }
}

if (import.meta.main) {
  const { log } = console;
  log(await echoHash(Number(Deno.args[0])));
}
