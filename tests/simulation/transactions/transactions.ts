/**
 * The scenario of transactions: producers and consume-transform-produce pipelines against the real broker, which is killed,
 * replaced and paused, on a rough network and a rough store, while clients vanish, come back as zombies and oversleep, and
 * copies of their requests arrive late.
 *
 * @module
 */
import { sleep } from "../../../environment/sleep.ts";
import {
  type Duration,
  type Random,
  ROUGH_KV,
  ROUGH_NETWORK,
  type SeenFacts,
  simulate,
  type SimulatedProcess,
  type Simulation,
  TransactionRecorder,
  type TransactionVersion,
  type Violation,
} from "../../../testing/mod.ts";
import { Chaos, type ChaosPace } from "../chaos.ts";
import { type Outcome, replayCommand, type Scenario } from "../scenario.ts";
import { hangingTransactions } from "./end_state.ts";
import { LateCopies } from "./late_copies.ts";
import { Pipeline } from "./pipeline.ts";
import { allRecords, observerOf, polled, positionsOf, readerOf, recordEnd } from "./reading.ts";
import { Source } from "./source.ts";
import {
  GROUP,
  INPUT,
  makeTopics,
  OUTPUT,
  type Pace,
  PARTITION_COUNT,
  partitionsOf,
  PATIENT_TIMEOUT_MS,
  persistently,
  type Role,
  type Stage,
  TRANSACTION_TIMEOUT_MS,
} from "./stage.ts";

const SOURCES = 2;
const PIPELINES = 2;
/** Commits that are confirmed before the scenario ends. */
const COMMITS = 30;
/** Virtual time for them: a few times what it takes. */
const WORK_MS_MAX = 120_000;
/** Virtual time in which things come to rest, at each step. */
const SETTLE_MS_MAX = 40_000;
/** What goes on, and what goes wrong how often. */
interface Weather extends Pace {
  readonly chaos: ChaosPace;
  readonly clients: Readonly<Record<"vanish" | "haunt", Duration>>;
  /** Milliseconds of it, at least. */
  readonly workMsMin: number;
}

const STORM: Weather = {
  pauseMeanMs: 150,
  workMeanMs: 15,
  stallChance: 0.01,
  workMsMin: 0,
  clients: { vanish: "3s", haunt: "4s" },
  chaos: {
    kill: "3s",
    replace: "6s",
    pause: "6s",
    partition: "5s",
    diskFull: "12s",
    clock: "15s",
  },
};
/** A coordinator that is killed gives all members their time anew. Here it lives on, and goes on without who is late. */
const CALM: Weather = {
  pauseMeanMs: 500,
  workMeanMs: 100,
  stallChance: 0.1,
  workMsMin: 20_000,
  clients: { vanish: "40s", haunt: "40s" },
  chaos: {
    kill: "60s",
    replace: "60s",
    pause: "20s",
    partition: "10s",
    diskFull: "60s",
    clock: "60s",
  },
};
/** Segments end while transactions are open: what is known of those has to outlive that, and a restart. */
const SHORT_SEGMENTS = { "log.roll.ms": "1000", "log.cleaner.backoff.ms": "400" };
/** Virtual time in which every transaction ends: its timeout, and as far as clocks jump. */
const ENDED_MS_MAX = PATIENT_TIMEOUT_MS + 80_000;
const HELD_REQUESTS = [
  "Produce",
  "AddPartitionsToTxn",
  "AddOffsetsToTxn",
  "EndTxn",
  "TxnOffsetCommit",
];

/** What came of a seed. */
export interface TransactionsOutcome extends Outcome {
  /** How transactions were told apart. */
  readonly version: TransactionVersion;
}

/** A scenario of transactions. */
export interface TransactionsScenario extends Scenario {
  run(seed: number): Promise<TransactionsOutcome>;
}

/** Producers, pipelines and consumers in transactions, with all faults. */
export const transactions: TransactionsScenario = {
  description: "2 transactional producers, 2 pipelines, 2 consumers, all faults; TV1 and TV2",
  async run(seed) {
    const version = seed % 3 === 0 ? 1 : 2;
    await using simulation = simulate({
      seed,
      network: ROUGH_NETWORK,
      kv: { ...ROUGH_KV, slowChance: 0.01 },
      broker: {
        config: {
          "num.partitions": String(PARTITION_COUNT),
          "offsets.topic.num.partitions": "1",
          "transaction.state.log.num.partitions": "1",
          "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
          "group.initial.rebalance.delay.ms": "100",
          "odradek.transaction.version": String(version),
          ...(seed % 2 === 0 && SHORT_SEGMENTS),
        },
      },
      replay: replayCommand("transactions", seed),
    });
    const scene = new Scene(simulation, version, seed % 4 === 1 ? CALM : STORM);
    await scene.prepare();
    const endOfChaos = scene.unleash();
    await scene.work();
    const { timeline } = simulation;
    endOfChaos();
    await scene.settle();
    await scene.readAll();
    const { violations, permitted } = scene.recorder.check();
    scene.note();
    return {
      hash: simulation.hash,
      violations: [...violations, ...scene.violations, ...await simulation.kv.audit()],
      acknowledged: scene.committed,
      faults: simulation.faults.all(),
      notes: countsOf(permitted.map(({ by }) => `permitted: ${by}`)),
      virtualMs: simulation.nowMs,
      version: scene.version,
      timeline,
    };
  },
};

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

class Scene implements Stage {
  readonly recorder = new TransactionRecorder();
  readonly late: LateCopies;
  readonly violations: Violation[] = [];
  readonly #roles: readonly Role[];
  #peaceful = false;
  #closing = false;
  #reading = true;
  committed = 0;

  constructor(
    readonly simulation: Simulation,
    readonly version: TransactionVersion,
    readonly pace: Weather,
  ) {
    this.late = new LateCopies(simulation);
    const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);
    this.#roles = [
      ...numbers(SOURCES).map((number) => new Source(this, `source-${number}`)),
      ...numbers(PIPELINES).map((number) => new Pipeline(this, `pipe-${number}`)),
    ];
  }

  get #sources(): Role[] {
    return this.#roles.filter((role) => role instanceof Source);
  }

  readonly isPeaceful = (): boolean => this.#peaceful;

  readonly isClosing = (): boolean => this.#closing;

  onCommitted(): void {
    this.committed++;
  }

  /** Makes the topics. */
  async prepare(): Promise<void> {
    await this.simulation.run(() => makeTopics(this.simulation));
  }

  /** Lets clients work, and everything go wrong that can. Returns how to end it. */
  unleash(): () => void {
    const { simulation } = this;
    for (const role of this.#roles) role.spawn(role.random.below(50));
    for (const number of [0, 1]) {
      const process = simulation.process(`reader-${number}`);
      simulation.after(0, () => void this.#read(process));
    }
    const watcher = simulation.process("watcher");
    simulation.after(0, () => void this.#watch(watcher));
    const chaos = new Chaos(simulation, { crashed() {} }, this.pace.chaos);
    const { vanish, haunt } = this.pace.clients;
    const ends = [
      simulation.occasionally("vanish", vanish, (random) => random.pick(this.#roles).vanish()),
      simulation.occasionally("haunt", haunt, (random) => random.pick(this.#roles).haunt()),
      simulation.occasionally("hold", "1s", (random) => this.#hold(random)),
      simulation.occasionally("lose", "1s", (random) => {
        simulation.faults.add("lost answer");
        simulation.taps.loseAnswer(random.pick(HELD_REQUESTS));
      }),
    ];
    return () => {
      this.#peaceful = true;
      for (const end of ends) end();
      for (const source of this.#sources) source.close();
      this.late.end();
      chaos.end();
    };
  }

  /** Lets things go on until enough is committed. */
  async work(): Promise<void> {
    const { simulation } = this;
    const endMs = simulation.nowMs + WORK_MS_MAX;
    await simulation.advance(this.pace.workMsMin);
    await simulation.until(() => this.committed >= COMMITS || simulation.nowMs >= endMs);
    if (this.committed >= COMMITS) return;
    this.#blame(`${this.committed} transactions in ${WORK_MS_MAX} ms, not ${COMMITS}`);
  }

  /** Waits until the pipelines have processed everything, and all that is open has ended. */
  async settle(): Promise<void> {
    const { simulation } = this;
    await simulation.advance("10s"); // zombies and what is wrong with the store
    // A zombie that was just starting may have taken a shard over, and the broker is fenced: its supervisor steps in.
    simulation.broker.restart();
    const process = simulation.process("auditor");
    await simulation.run(async () => {
      const haveEnded = (roles: readonly Role[]) => () => roles.every(({ idle }) => idle);
      await this.#await(process, "the sources to end", haveEnded(this.#sources));
      await sleep(process.environment, TRANSACTION_TIMEOUT_MS + 1000);
      const input = await allRecords(simulation, process, "read_committed", [INPUT]);
      await this.#await(process, "the pipelines to get to the end of the input", async () => {
        const positions = await positionsOf(simulation, process);
        return positions !== null &&
          input.every((record) =>
            this.#isProcessed(record) ||
            positions.some(({ partition, offset }) =>
              partition === record.partition && offset > record.offset
            )
          );
      });
      this.#closing = true;
      await this.#await(process, "the pipelines to end", haveEnded(this.#roles));
      this.#reading = false;
      // A clock that was put back lets a transaction last longer.
      const haveTransactionsEnded = async () => (await this.#hanging(process)).length === 0;
      await this.#await(process, "all transactions to end", haveTransactionsEnded, ENDED_MS_MAX);
      this.violations.push(...await this.#hanging(process));
    });
    simulation.broker.restart(); // it clears away what those before it have left
    await simulation.advance("5s");
    await simulation.run(async () => {
      this.violations.push(...await this.#hanging(process));
    });
  }

  /** Reads what there is in the end. */
  async readAll(): Promise<void> {
    const process = this.simulation.process("auditor");
    await this.simulation.run(async () => {
      this.violations.push(...await recordEnd(this.simulation, process, this.recorder));
    });
    await this.simulation.advance("20s"); // segments that the cleaner has replaced are kept for a while
  }

  /** Puts what was found out into the history, so that it is a part of the hash. */
  note(): void {
    const { history } = this.simulation;
    const { transactions, committedLog, seen } = this.recorder.history;
    for (const { name, outcome, writes, positions } of transactions) {
      history.record("transaction", { name, outcome, writes, positions });
    }
    for (const record of [...committedLog, ...seen]) history.record("seen", { ...record });
  }

  #hanging(process: SimulatedProcess): Promise<Violation[]> {
    return hangingTransactions(process, this.simulation.broker, {
      [INPUT]: PARTITION_COUNT,
      [OUTPUT]: PARTITION_COUNT,
    });
  }

  /** Whether a pipeline has committed what it made of a record: it may be taken back by what TV1 permits. */
  #isProcessed({ topic, partition, offset }: SeenFacts): boolean {
    const name = `${topic}-${partition}`;
    return this.recorder.history.transactions.some(({ outcome, reads }) =>
      outcome === "committed" &&
      reads.some((read) => read.partition === name && read.offset === Number(offset))
    );
  }

  /** Waits for something that must come. */
  async #await(
    { environment }: SimulatedProcess,
    what: string,
    isSo: () => boolean | Promise<boolean>,
    msMax = SETTLE_MS_MAX,
  ): Promise<void> {
    const endMs = this.simulation.nowMs + msMax;
    while (this.simulation.nowMs < endMs) {
      if (await isSo()) return;
      await sleep(environment, msMax / 80);
    }
    this.#blame(`Waited ${msMax} ms for ${what}`);
  }

  #blame(text: string): void {
    this.violations.push({ kind: "hanging transaction", text });
  }

  /** Lets requests of somebody arrive later than its answer is waited for, at times. */
  #hold(random: Random): void {
    const { simulation } = this;
    const api = random.pick(HELD_REQUESTS);
    simulation.faults.add("request held back");
    simulation.taps.hold(api, random.between([100, 5000]), { times: 1 });
  }

  /** Looks at the group's positions now and then. */
  async #watch(process: SimulatedProcess): Promise<void> {
    const random = this.simulation.random("watcher");
    await using consumer = observerOf(this.simulation, process);
    while (this.#reading) {
      const found = await persistently(process, () => consumer.committed(partitionsOf(INPUT)));
      for (const position of found) this.recorder.told(GROUP, position);
      await sleep(process.environment, random.exponential(700));
    }
  }

  /** Reads on, as long as the scenario lasts. */
  async #read(process: SimulatedProcess): Promise<void> {
    await using consumer = readerOf(
      this.simulation,
      process,
      "read_committed",
      [INPUT, OUTPUT],
    );
    while (this.#reading) {
      for (const record of await polled(consumer)) this.recorder.saw(process.name, record);
    }
  }
}
