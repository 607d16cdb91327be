/**
 * The systematic part: one transaction over several partitions and a group, and a broker that dies at every commit of its
 * store between the end that is asked for and the last marker, before and after the commit has taken effect, and again
 * while its successor finishes the work.
 *
 * @module
 */
import { sleep } from "../../../environment/sleep.ts";
import {
  type Death,
  QUIET_KV,
  simulate,
  type SimulatedProcess,
  type Simulation,
  TransactionRecorder,
  type TransactionVersion,
  type Violation,
} from "../../../testing/mod.ts";
import { RunningHash } from "../../../testing/simulation/hash.ts";
import { type Outcome, replayCommand, type Scenario } from "../scenario.ts";
import { hangingTransactions } from "./end_state.ts";
import { recordEnd } from "./reading.ts";
import {
  GROUP,
  INPUT,
  makeTopics,
  OUTPUT,
  PARTITION_COUNT,
  TRANSACTION_TIMEOUT_MS,
  Transactor,
} from "./stage.ts";

const END_TXN = 26;
const DEATHS: readonly Death[] = ["closed", "reset", "silent"];

/** What is done to a transaction. */
interface Plan {
  readonly seed: number;
  readonly version: TransactionVersion;
  readonly end: "commit" | "abort";
  /** At which commits of the store, counted from the request to end it, the broker dies. */
  readonly blows: readonly number[];
  /** Whether those commits take effect nevertheless. */
  readonly applied: boolean;
  /** Whether the producer dies with the broker, so that nobody asks again. */
  readonly alone: boolean;
  readonly death: Death;
}

/** What came of it. */
interface Struck {
  readonly violations: readonly Violation[];
  /** Commits of the store from the request to the end. */
  readonly commits: number;
  readonly hash: string;
  readonly virtualMs: number;
}

/** What came of a seed. */
export interface SweepOutcome extends Outcome {
  /** Commits of the store between the end that is asked for and the last marker: each was struck at, twice. */
  readonly commits: number;
}

/** A scenario that strikes at every commit. */
export interface SweepScenario extends Scenario {
  run(seed: number): Promise<SweepOutcome>;
}

/** One transaction, and a broker that dies at every commit in its end. */
export const transactionSweep: SweepScenario = {
  description: "The broker dies at each commit of its store within the end of a transaction",
  async run(seed) {
    const plan: Plan = {
      seed,
      end: seed % 2 === 0 ? "commit" : "abort",
      version: seed % 4 < 2 ? 2 : 1,
      blows: [],
      applied: false,
      alone: false,
      death: DEATHS[seed % DEATHS.length],
    };
    const undisturbed = await strike(plan);
    const struck: Struck[] = [undisturbed];
    let count = 0;
    for (let at = 0; at < undisturbed.commits; at++) {
      for (const applied of [false, true]) {
        struck.push(await strike({ ...plan, blows: [at], applied }));
        struck.push(await strike({ ...plan, blows: [at], applied, alone: true }));
        // The successor dies, too, somewhere in what it has to do.
        const again = at + 1 + (seed + at) % 12;
        struck.push(await strike({ ...plan, blows: [at, again], applied }));
        count += 4;
      }
    }
    const hash = new RunningHash();
    for (const each of struck) hash.text(each.hash);
    return {
      hash: hash.digest,
      violations: struck.flatMap(({ violations }) => violations),
      acknowledged: struck.length,
      commits: undisturbed.commits,
      faults: { "broker killed within an end": count },
      virtualMs: struck.reduce((sum, { virtualMs }) => sum + virtualMs, 0),
    };
  },
};

async function strike(plan: Plan): Promise<Struck> {
  const { seed, version, blows, applied, alone } = plan;
  const name = `${seed}/${blows}/${applied}/${alone}`;
  await using simulation = simulate({
    seed: name,
    kv: { ...QUIET_KV, outliveChance: applied ? 1 : 0 },
    broker: {
      config: {
        "num.partitions": String(PARTITION_COUNT),
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
        "odradek.transaction.version": String(version),
      },
    },
    replay: replayCommand("transaction-sweep", seed),
  });
  const recorder = new TransactionRecorder();
  await simulation.run(() => makeTopics(simulation));
  const process = simulation.process("producer");
  const counter = new CommitCounter(simulation, process, plan);
  let isDone = false;
  simulation.after(0, () => {
    transact(simulation, process, recorder, plan, counter).then(() => isDone = true);
  });
  await simulation.until(() => isDone || !process.alive, { within: "5m" });
  const commits = counter.count;
  await simulation.advance("2s");
  const auditor = simulation.process("auditor");
  const { violations, hanging } = await simulation.run(async () => {
    await sleep(auditor.environment, TRANSACTION_TIMEOUT_MS + 2000);
    const hanging = await hangingTransactions(auditor, simulation.broker, {
      [INPUT]: PARTITION_COUNT,
      [OUTPUT]: PARTITION_COUNT,
    });
    hanging.push(...await recordEnd(simulation, auditor, recorder));
    return { violations: recorder.check().violations, hanging };
  });
  const audit = await simulation.kv.audit();
  return {
    violations: [...violations, ...hanging, ...audit]
      .map(({ kind, text }) => ({ kind, text: `${name}: ${text}` })),
    commits,
    hash: simulation.hash,
    virtualMs: simulation.nowMs,
  };
}

/** One transaction that copies a record to every partition, and is followed by another one if its producer lives on. */
async function transact(
  simulation: Simulation,
  process: SimulatedProcess,
  recorder: TransactionRecorder,
  { version, end }: Plan,
  counter: CommitCounter,
): Promise<void> {
  await using transactor = new Transactor(
    {
      simulation,
      recorder,
      version,
      late: { begins() {} },
      pace: { pauseMeanMs: 0, workMeanMs: 0, stallChance: 0 },
      isPeaceful: () => true,
      isClosing: () => false,
      onCommitted() {},
    },
    process,
    "tx",
  );
  await transactor.initialize();
  const input = transactor.begin();
  await transactor.send(input, INPUT, "input", 0);
  await transactor.commit(input);
  const copies = transactor.begin();
  copies.isMadeOf({ topic: INPUT, partition: 0, offset: 0, value: "input" });
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    await transactor.send(copies, OUTPUT, `copy ${partition}`, partition);
  }
  await transactor.sendPositions(
    copies,
    [{ topic: INPUT, partition: 0, offset: 1n }],
    { groupId: GROUP, generationId: -1, memberId: "", groupInstanceId: null },
  );
  counter.start();
  if (end === "commit") await transactor.commit(copies);
  else await transactor.abort(copies);
  // What follows must find the way free.
  const next = transactor.begin();
  await transactor.send(next, OUTPUT, "next", 0);
  counter.stop();
  await transactor.commit(next);
}

/** Counts the commits of the broker's store, and lets it die at some of them. */
class CommitCounter {
  #count = 0;
  #counting = false;

  constructor(
    simulation: Simulation,
    producer: SimulatedProcess,
    { blows, death, alone }: Pick<Plan, "blows" | "death" | "alone">,
  ) {
    let isAsked = false;
    simulation.taps.observe({
      asked: ({ header }) => isAsked ||= this.#counting && header.apiKey === END_TXN,
    });
    simulation.kv.observe((_commit, from) => {
      if (!this.#counting || !isAsked || from !== simulation.broker.process) return;
      if (blows.includes(this.#count++)) {
        simulation.faults.add("broker killed within an end");
        simulation.broker.restart(death);
        if (alone) producer.kill(death);
      }
    });
  }

  /** Commits so far. */
  get count(): number {
    return this.#count;
  }

  /** From the next EndTxn on. */
  start(): void {
    this.#counting = true;
  }

  /** Up to now. */
  stop(): void {
    this.#counting = false;
  }
}
