/**
 * The scenario of producing and fetching: idempotent producers and consumers of our own client against the real broker, on
 * a rough network and a rough store; the broker is killed, replaced by a successor, and starved of disk.
 *
 * @module
 */
import { Consumer, KafkaError, Producer, type TopicPartition } from "../../client/mod.ts";
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
  SimulatedBroker,
  type SimulatedProcess,
  type Simulation,
} from "../../testing/mod.ts";

const TOPIC = "orders";
const PARTITIONS: readonly TopicPartition[] = Array.from(
  { length: 8 },
  (_, partition) => ({ topic: TOPIC, partition }),
);
const PRODUCERS = 3;
const CONSUMERS = 2;
const RECORDS_PER_PRODUCER = 80;
const PAUSE_MEAN_MS = 150;

/** What came of a seed. */
export interface Outcome {
  /** Of everything that happened. */
  readonly hash: string;
  /** What cannot be true of Kafka. */
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Runs the scenario for one seed. */
export async function produceFetch(seed: number): Promise<Outcome> {
  await using simulation = simulate({
    seed,
    network: ROUGH_NETWORK,
    replay: `deno test tests/simulation/produce_fetch_test.ts -- ${seed}`,
  });
  simulation.store("data", { faults: ROUGH_KV });
  const broker = new SimulatedBroker(simulation, {
    config: { "num.partitions": String(PARTITIONS.length) },
  });
  const clients = new Clients(simulation, broker);
  const endOfChaos = unleash(simulation, broker);
  clients.start();
  await simulation.until(() => clients.producing === 0, { within: "20m" });
  endOfChaos();
  await simulation.advance("10s");
  const log = await clients.readAll();

  const { sent, seen } = clients;
  for (const record of sent) simulation.history.record("sent", { ...record });
  for (const record of seen) simulation.history.record("seen", { ...record });
  return {
    hash: simulation.hash,
    violations: checkLog({ sent, seen, log }).map(({ kind, text }) => `${kind}: ${text}`),
    acknowledged: sent.filter(({ offset }) => offset !== null).length,
    faults: simulation.faults.all(),
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
    simulation.occasionally("replace", "8s", (random) => {
      faults.add("broker replaced by a successor");
      const zombie = broker.replace();
      simulation.after(random.between([0, 3000]), () => zombie.resume());
      simulation.after(random.between([3000, 6000]), () => zombie.kill("reset"));
    }),
    simulation.occasionally("partition", "4s", (random) => {
      const others = simulation.processes().filter((process) => process !== broker.process);
      network.partition(random.pick(others), broker.process);
      simulation.after(random.between([10, 3000]), () => network.heal());
    }),
    simulation.occasionally("disk full", "8s", (random) => {
      store.diskFull = true;
      simulation.after(random.between([10, 2000]), () => store.diskFull = false);
    }),
    simulation.occasionally("clock jump", "6s", (random) => {
      faults.add("clock jump");
      broker.process.clock.jump(random.between([-60_000, 60_000]));
    }),
  ];
  return () => {
    for (const end of ends) end();
    network.heal();
    network.faults = QUIET_NETWORK;
    store.faults = QUIET_KV;
    simulation.after("5s", () => store.diskFull = false); // after whatever was under way
  };
}

/** Producers and consumers, and what they were told. */
class Clients {
  readonly sent: SentRecord[] = [];
  readonly seen: SeenRecord[] = [];
  /** Producers that are not done. */
  producing = PRODUCERS;

  constructor(private readonly simulation: Simulation, private readonly broker: SimulatedBroker) {}

  /** Starts them all, each in a process of its own. */
  start(): void {
    for (let number = 0; number < PRODUCERS; number++) {
      const process = this.simulation.process(`producer-${number}`);
      this.simulation.after(number, () => {
        this.#produce(process).finally(() => this.producing--);
      });
    }
    for (let number = 0; number < CONSUMERS; number++) {
      const process = this.simulation.process(`consumer-${number}`);
      this.simulation.after(number, () => void this.#consume(process));
    }
  }

  /** The whole log, as a consumer reads it that starts now. */
  readAll(): Promise<SeenRecord[]> {
    const process = this.simulation.process("reader");
    return this.simulation.run(async () => {
      await using consumer = this.#consumer(process);
      let left = 0n;
      for (const { offset } of await consumer.endOffsets(PARTITIONS)) left += offset;
      const log: SeenRecord[] = [];
      while (log.length < left) log.push(...(await this.#poll(consumer, process.name)));
      return log;
    });
  }

  async #produce({ environment, name }: SimulatedProcess): Promise<void> {
    const random = this.simulation.random(name);
    await using producer = new Producer({
      environment,
      bootstrapServers: this.broker.bootstrapServers,
      requestTimeoutMs: 5_000,
    });
    for (let number = 0; number < RECORDS_PER_PRODUCER; number++) {
      const partition = random.below(PARTITIONS.length);
      const record = {
        producer: name,
        partition: `${TOPIC}-${partition}`,
        value: `${name}/${number}`,
      };
      const index = this.sent.push({ ...record, offset: null }) - 1;
      producer.send({ topic: TOPIC, partition, value: record.value }).then(
        // -1: stored, by an attempt so old that the broker does not remember where
        ({ offset }) => offset >= 0n && (this.sent[index] = { ...record, offset: Number(offset) }),
        (error) => this.simulation.history.record("not acknowledged", { ...record, error }),
      );
      await sleep(environment, random.exponential(PAUSE_MEAN_MS));
    }
  }

  async #consume(process: SimulatedProcess): Promise<void> {
    await using consumer = this.#consumer(process);
    for (;;) this.seen.push(...await this.#poll(consumer, process.name));
  }

  #consumer({ environment }: SimulatedProcess): Consumer {
    const consumer = new Consumer({
      environment,
      bootstrapServers: this.broker.bootstrapServers,
      autoOffsetReset: "none",
      requestTimeoutMs: 5_000,
    });
    consumer.assign(PARTITIONS);
    consumer.seekToBeginning();
    return consumer;
  }

  async #poll(consumer: Consumer, name: string): Promise<SeenRecord[]> {
    try {
      const records = await consumer.poll();
      return records.map(({ topic, partition, offset, value }) => ({
        consumer: name,
        partition: `${topic}-${partition}`,
        offset: Number(offset),
        value: new TextDecoder().decode(value!),
      }));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      this.simulation.history.record("poll failed", { consumer: name, error });
      return [];
    }
  }
}
