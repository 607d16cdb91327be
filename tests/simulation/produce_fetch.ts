/**
 * The scenario of producing and fetching: idempotent producers and fetchers of our own client against the real broker, on
 * a rough network and a rough store; the broker is killed, replaced and starved of disk.
 *
 * @module
 */
import { Producer } from "../../client/producer/producer.ts";
import { sleep } from "../../environment/sleep.ts";
import {
  checkLog,
  QUIET_KV,
  QUIET_NETWORK,
  ROUGH_KV,
  ROUGH_NETWORK,
  type SeenRecord,
  type SentRecord,
  simulate,
  type SimulatedProcess,
  type Simulation,
} from "../../testing/mod.ts";
import { SimulatedBroker } from "../../testing/simulated_broker.ts";
import { fetchForever } from "./fetcher.ts";

const TOPIC = "orders";
const PARTITIONS = 8;
const PRODUCERS = 3;
const FETCHERS = 2;
const RECORDS_PER_PRODUCER = 120;

/** What came of a seed. */
export interface Outcome {
  readonly hash: string;
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly sent: number;
  readonly seen: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly events: number;
  readonly virtualMs: number;
}

/** Runs the scenario for one seed. */
export async function produceFetch(seed: number): Promise<Outcome> {
  await using simulation = simulate({ seed, network: ROUGH_NETWORK });
  simulation.store("data", { faults: ROUGH_KV });
  const broker = new SimulatedBroker(simulation, {
    config: { "num.partitions": String(PARTITIONS) },
  });
  const sent: SentRecord[] = [];
  const seen: SeenRecord[] = [];
  const stopChaos = unleash(simulation, broker);

  let producing = PRODUCERS;
  for (let number = 0; number < PRODUCERS; number++) {
    const process = simulation.process(`producer-${number}`);
    simulation.after(number, () => {
      produce(simulation, process, broker, sent).finally(() => producing--);
    });
  }
  for (let number = 0; number < FETCHERS; number++) {
    const process = simulation.process(`fetcher-${number}`);
    simulation.after(number, () => void fetch(simulation, process, broker, seen, () => false));
  }
  await simulation.until(() => producing === 0, { within: "20m" });
  stopChaos();
  simulation.network.faults = QUIET_NETWORK;
  simulation.store().faults = QUIET_KV;
  await simulation.advance("1m");

  const log: SeenRecord[] = [];
  const stored = new Set<string>();
  const acknowledged = sent.filter(({ offset }) => offset !== null);
  const reader = simulation.process("reader");
  const deadlineMs = simulation.nowMs + 20_000;
  await simulation.run(() =>
    fetch(simulation, reader, broker, log, () => simulation.nowMs > deadlineMs)
  );
  log.forEach(({ value }) => stored.add(value));
  for (const record of sent) simulation.history.record("sent", { ...record });
  for (const record of seen) simulation.history.record("seen", { ...record });
  return {
    hash: simulation.hash,
    violations: checkLog({ sent, seen, log }).map(({ kind, text }) => `${kind}: ${text}`),
    acknowledged: acknowledged.length,
    sent: sent.length,
    seen: seen.length,
    faults: simulation.faults.all(),
    events: simulation.events,
    virtualMs: simulation.nowMs,
  };
}

/** Lets everything go wrong that can, at random moments. Returns how to end it. */
function unleash(simulation: Simulation, broker: SimulatedBroker): () => void {
  const { network, faults } = simulation;
  const store = simulation.store();
  const ends = [
    simulation.occasionally("kill", "4s", (random) => {
      faults.add("broker killed");
      broker.restart(random.pick(["closed", "reset", "silent"]));
    }),
    simulation.occasionally("replace", "10s", (random) => {
      faults.add("broker replaced by a successor");
      const zombie = broker.replace();
      simulation.after(random.between([0, 3000]), () => zombie.resume());
      simulation.after(random.between([3000, 6000]), () => zombie.kill("reset"));
    }),
    simulation.occasionally("partition", "5s", (random) => {
      const other = simulation.processes().filter((process) => process !== broker.process);
      if (other.length === 0) return;
      network.partition(random.pick(other), broker.process);
      simulation.after(random.between([10, 3000]), () => network.heal());
    }),
    simulation.occasionally("disk full", "10s", (random) => {
      store.diskFull = true;
      simulation.after(random.between([10, 2000]), () => store.diskFull = false);
    }),
    simulation.occasionally("clock jump", "7s", (random) => {
      faults.add("clock jump");
      broker.process.clock.jump(random.between([-60_000, 60_000]));
    }),
  ];
  return () => {
    ends.forEach((end) => end());
    network.heal();
    store.diskFull = false;
  };
}

async function produce(
  simulation: Simulation,
  process: SimulatedProcess,
  { bootstrapServers }: SimulatedBroker,
  sent: SentRecord[],
): Promise<void> {
  const { environment, name } = process;
  const random = simulation.random(name);
  const producer = new Producer({ environment, bootstrapServers, requestTimeoutMs: 5_000 });
  for (let number = 0; number < RECORDS_PER_PRODUCER; number++) {
    const partition = random.below(PARTITIONS);
    const value = `${name}/${number}`;
    const index = sent.length;
    const note = (offset: number | null) => ({
      producer: name,
      partition: `${TOPIC}-${partition}`,
      value,
      offset,
    });
    sent.push(note(null));
    producer.send({ topic: TOPIC, partition, value }).then(
      ({ offset }) => sent[index] = note(offset < 0n ? null : Number(offset)),
      (error) => simulation.history.record("failed", { value, error }),
    );
    await sleep(environment, random.exponential(150));
  }
  await producer.close();
}

async function fetch(
  _simulation: Simulation,
  { environment, name }: SimulatedProcess,
  { bootstrapServers }: SimulatedBroker,
  seen: SeenRecord[],
  stop: () => boolean,
): Promise<void> {
  await fetchForever(
    { environment, bootstrapServers, requestTimeoutMs: 5_000 },
    TOPIC,
    PARTITIONS,
    new Map(),
    (partition, offset, value) =>
      seen.push({ consumer: name, partition: `${TOPIC}-${partition}`, offset, value }),
    stop,
  );
}
