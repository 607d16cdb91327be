/**
 * The scenario of producing and fetching: three idempotent producers, one that tries everything once, and consumers against
 * the real broker, on a rough network and a rough store, while the broker is killed, replaced, paused and starved of disk.
 *
 * @module
 */
import { Consumer, KafkaError, Producer, type TopicPartition } from "../../client/mod.ts";
import { sleep } from "../../environment/sleep.ts";
import {
  AnswerOrderChecker,
  type Random,
  Recorder,
  ROUGH_KV,
  ROUGH_NETWORK,
  simulate,
  type SimulatedProcess,
  type Simulation,
  type Violation,
} from "../../testing/mod.ts";
import { Chaos } from "./chaos.ts";
import { type Outcome, replayCommand, type Scenario } from "./scenario.ts";

const decoder = new TextDecoder();
const TOPIC = "orders";
const PARTITIONS: readonly TopicPartition[] = Array.from(
  { length: 64 },
  (_, partition) => ({ topic: TOPIC, partition }),
);
const PRODUCERS = 3;
const CONSUMERS = 2;
/** Batches that are acknowledged to the idempotent producers before the scenario ends. */
const BATCHES = 1000;
const PAUSE_MEAN_MS = 20;
/** How often a record is too large for one commit of the store. */
const LARGE_CHANCE = 1 / 300;
const LARGE_BYTES = 850_000;
/** How often the broker is killed in the midst of storing such a record. */
const KILL_CHANCE = 0.3;
/** Errors by which a client says that it has heard nothing. */
const UNHEARD: ReadonlySet<string> = new Set(["NETWORK_EXCEPTION", "REQUEST_TIMED_OUT"]);

/** What must happen, in many seeds. */
export const PRODUCE_FETCH_FAULTS: readonly string[] = [
  "broker killed",
  "broker paused",
  "broker replaced by a successor",
  "clock drift",
  "clock jump",
  "kv conflict",
  "kv disk full",
  "kv duplicate request",
  "kv late request",
  "kv lost answer",
  "kv lost request",
  "kv read error",
  "kv refused",
  "kv request dies with process",
  "kv request outlives process",
  "kv slow",
  "network delay",
  "network dial refused",
  "network half-open",
  "network partition",
  "network reset",
  "network slow connection",
  "network split",
];

/** Producers and consumers against a broker to which everything happens. */
export const produceFetch: Scenario = {
  description: "3 idempotent producers, 1 that tries once, 2 consumers, 64 partitions, all faults",
  async run(seed): Promise<Outcome> {
    await using simulation = simulate({
      seed,
      network: ROUGH_NETWORK,
      kv: ROUGH_KV,
      broker: { config: { "num.partitions": String(PARTITIONS.length) } },
      replay: replayCommand("produce-fetch", seed),
    });
    const order = new AnswerOrderChecker();
    simulation.taps.observe({
      asked: ({ connection, header, isAnswered }) =>
        isAnswered && order.asked(connection, header.correlationId),
      answered: (connection, correlationId) => order.answered(connection, correlationId),
    });
    const recorder = new Recorder(() => simulation.nowMs);
    // A successor takes over a while after its predecessor was paused; that may have gone on before.
    simulation.kv.onTakeover(() => recorder.crashed());
    const chaos = new Chaos(simulation, recorder);
    const clients = new Clients(simulation, recorder, chaos);
    clients.start();
    await simulation.until(() => clients.done, { within: "10m" });
    const { timeline } = simulation;
    chaos.end();
    await simulation.advance("10s");
    simulation.broker.restart(); // it clears away what those before it have left
    await clients.readAll();
    await simulation.advance("10s");
    const timers = await timersLeftBehind(simulation, clients);

    for (const record of recorder.sent) simulation.history.record("sent", { ...record });
    for (const record of recorder.seen) simulation.history.record("seen", { ...record });
    const violations: Violation[] = [
      ...recorder.check(),
      ...order.violations,
      ...await simulation.kv.audit(),
      ...timers,
    ];
    return {
      hash: simulation.hash,
      violations,
      acknowledged: clients.acknowledged,
      faults: {
        ...Object.fromEntries(PRODUCE_FETCH_FAULTS.map((kind) => [kind, 0])),
        ...simulation.faults.all(),
      },
      virtualMs: simulation.nowMs,
      timeline,
    };
  },
};

/** Closes everything, and looks a little later for timers. */
async function timersLeftBehind(simulation: Simulation, clients: Clients): Promise<Violation[]> {
  await simulation.run(async () => {
    await clients.close();
    await simulation.broker.running!.close();
  });
  await simulation.advance("1s");
  return simulation.processes().filter(({ pendingTimers }) => pendingTimers > 0)
    .map(({ name, pendingTimers }) => ({
      kind: "timer left behind",
      text: `${name} has ${pendingTimers} timers a second after it was closed`,
    }));
}

/** Producers and consumers, and what they were told. */
class Clients {
  /** Batches of idempotent producers, by partition and moment of their acknowledgement. */
  readonly #acknowledged = new Set<string>();
  readonly #consumers: Consumer[] = [];
  #producing = PRODUCERS + 1;
  #closing = false;

  constructor(
    private readonly simulation: Simulation,
    private readonly recorder: Recorder,
    private readonly chaos: Chaos,
  ) {}

  /** At least: two batches of a partition that are acknowledged at one moment count as one. */
  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Whether all producers have come to an end. */
  get done(): boolean {
    return this.#producing === 0;
  }

  /** Starts them all, each in a process of its own. */
  start(): void {
    const begin = (name: string, run: (process: SimulatedProcess) => void) => {
      const process = this.simulation.process(name);
      this.simulation.after(this.simulation.random(name).below(10), () => run(process));
    };
    for (let number = 0; number < PRODUCERS; number++) {
      begin(`producer-${number}`, (process) => {
        this.#produce(process).finally(() => this.#producing--);
      });
    }
    begin("prober", (process) => {
      this.#probe(process).finally(() => this.#producing--);
    });
    for (let number = 0; number < CONSUMERS; number++) {
      begin(`consumer-${number}`, (process) => void this.#consume(process));
    }
  }

  /** Reads the whole log, as a consumer does that starts now. */
  readAll(): Promise<void> {
    const process = this.simulation.process("reader");
    return this.simulation.run(async () => {
      await using consumer = this.#consumer(process);
      let left = 0n;
      for (const { offset } of await consumer.endOffsets(PARTITIONS)) left += offset;
      while (left > 0n) {
        for (const record of await this.#poll(consumer, process.name)) {
          this.recorder.stored(record);
          left--;
        }
      }
    }, { within: "5m" });
  }

  /** Sends, and tries again, until enough is acknowledged. */
  async #produce({ environment, name }: SimulatedProcess): Promise<void> {
    const random = this.simulation.random(name);
    await using producer = new Producer({
      environment,
      bootstrapServers: this.simulation.broker.bootstrapServers,
      requestTimeoutMs: 5_000,
    });
    for (let number = 0; this.acknowledged < BATCHES; number++) {
      const { partition } = random.pick(PARTITIONS);
      const record = { topic: TOPIC, partition, value: `${name}/${number}` };
      const sending = this.recorder.sends({ producer: name }, record);
      producer.send({ ...record, key: this.#key(random) }).then(
        ({ offset }) => {
          this.#acknowledged.add(`${name}>${partition} ${this.simulation.nowMs}`);
          sending.acknowledged(offset); // -1: by an attempt so old that nobody remembers where
        },
        (error) => this.simulation.history.record("not acknowledged", { ...record, error }),
      );
      await sleep(environment, random.exponential(PAUSE_MEAN_MS));
    }
  }

  /** Sends each record once, and goes on to the next when it has heard of it. */
  async #probe({ environment, name }: SimulatedProcess): Promise<void> {
    const random = this.simulation.random(name);
    await using producer = new Producer({
      environment,
      bootstrapServers: this.simulation.broker.bootstrapServers,
      requestTimeoutMs: 2_000,
      deliveryTimeoutMs: 4_000,
      maxBlockMs: 2_000,
      enableIdempotence: false,
      retries: 0,
      lingerMs: 0,
    });
    const facts = { producer: name, idempotent: false, retries: false };
    for (let number = 0; this.acknowledged < BATCHES; number++) {
      const { partition } = random.pick(PARTITIONS);
      const record = { topic: TOPIC, partition, value: `${name}/${number}` };
      const sending = this.recorder.sends(facts, record);
      try {
        sending.acknowledged((await producer.send(record)).offset);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (UNHEARD.has(error.kind)) sending.gaveUp();
        else sending.refused(error.kind);
        this.simulation.history.record("refused", { ...record, error });
      }
      await sleep(environment, random.exponential(PAUSE_MEAN_MS));
    }
  }

  /** Mostly nothing. Now and then what fits no commit; and then the broker may be killed over it. */
  #key(random: Random): Uint8Array | null {
    const isLarge = random.chance(LARGE_CHANCE);
    const kills = random.chance(KILL_CHANCE);
    const inMs = random.between([0, 200]);
    if (!isLarge) return null;
    if (kills) this.simulation.after(inMs, () => this.done || this.chaos.kill(random));
    return new Uint8Array(LARGE_BYTES);
  }

  /** Closes the consumers: the producers are closed when they are done. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
  }

  async #consume(process: SimulatedProcess): Promise<void> {
    const consumer = this.#consumer(process);
    this.#consumers.push(consumer);
    while (!this.#closing) {
      for (const record of await this.#poll(consumer, process.name)) {
        this.recorder.saw(process.name, record);
      }
    }
  }

  #consumer({ environment }: SimulatedProcess): Consumer {
    const consumer = new Consumer({
      environment,
      bootstrapServers: this.simulation.broker.bootstrapServers,
      autoOffsetReset: "none",
      requestTimeoutMs: 5_000,
    });
    consumer.assign(PARTITIONS);
    consumer.seekToBeginning();
    return consumer;
  }

  async #poll(consumer: Consumer, name: string) {
    try {
      const records = await consumer.poll();
      return records.map(({ topic, partition, offset, value }) => ({
        topic,
        partition,
        offset,
        value: decoder.decode(value!),
      }));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      this.simulation.history.record("poll failed", { consumer: name, error });
      return [];
    }
  }
}
