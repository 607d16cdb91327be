/**
 * What the clients of the scenario of transactions have in common.
 *
 * @module
 */
import type { ProducerOptions } from "../../../client/producer/options.ts";
import {
  Admin,
  FatalTransactionError,
  KafkaError,
  Producer,
  type TopicPartition,
} from "../../../client/mod.ts";
import { sleep } from "../../../environment/sleep.ts";
import type {
  Random,
  RecordedTransaction,
  SimulatedProcess,
  Simulation,
  TransactionRecorder,
  TransactionVersion,
} from "../../../testing/mod.ts";
import type { LateCopies } from "./late_copies.ts";

/** What goes in. */
export const INPUT = "in";
/** What pipelines make of it. */
export const OUTPUT = "out";
/** The group of the pipelines. */
export const GROUP = "pipe";
export const PARTITION_COUNT = 3;
/** Milliseconds a transaction may take, of somebody who is quick. */
export const TRANSACTION_TIMEOUT_MS = 4000;
/**
 * Of somebody whose group loses patience earlier: then it is the group that must not let a member commit that it has gone on
 * without (KIP-447).
 */
export const PATIENT_TIMEOUT_MS = 10_000;

/** The partitions of a topic. */
export function partitionsOf(topic: string): TopicPartition[] {
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => ({ topic, partition }));
}

/** Makes the topics. */
export async function makeTopics(simulation: Simulation): Promise<void> {
  const client = simulation.client("admin");
  await using admin = new Admin({ ...client, requestTimeoutMs: 2000 });
  for (const name of [INPUT, OUTPUT]) {
    await persistently(client, async () => {
      const error = await admin.createTopics([{ name, partitions: PARTITION_COUNT }])
        .then(() => null, (error) => error);
      if (error !== null && error.kind !== "TOPIC_ALREADY_EXISTS") throw error;
    });
  }
}

/** How fast everybody is. */
export interface Pace {
  /** Milliseconds between two transactions of a source, on average. */
  readonly pauseMeanMs: number;
  /** Milliseconds that a pipeline works on what it has read, and again before it commits, on average. */
  readonly workMeanMs: number;
  /** How often it stands still meanwhile, for so long that the group goes on without it. */
  readonly stallChance: number;
}

/** What everybody in the scenario works with. */
export interface Stage {
  readonly pace: Pace;
  readonly simulation: Simulation;
  readonly recorder: TransactionRecorder;
  readonly late: Pick<LateCopies, "begins">;
  readonly version: TransactionVersion;
  /** Once true nothing goes wrong any more. */
  readonly isPeaceful: () => boolean;
  /** Once true nobody begins anything new. */
  readonly isClosing: () => boolean;
  /** Called with each confirmed commit. */
  readonly onCommitted: () => void;
}

/** One instance of a transactional producer, and what it is told. */
export class Transactor implements AsyncDisposable {
  readonly random: Random;
  readonly #producer: Producer;

  constructor(
    private readonly stage: Stage,
    readonly process: SimulatedProcess,
    private readonly transactionalId: string,
    transactionTimeoutMs = TRANSACTION_TIMEOUT_MS,
  ) {
    const { simulation } = stage;
    this.random = simulation.random(process.name);
    this.#producer = new Producer(
      {
        environment: process.environment,
        bootstrapServers: simulation.broker.bootstrapServers,
        transactionalId,
        transactionTimeoutMs,
        requestTimeoutMs: 1000,
        deliveryTimeoutMs: 2500,
        maxBlockMs: 3000,
        lingerMs: 2,
        retryBackoffMs: 50,
        reconnectBackoffMaxMs: 300,
      } satisfies ProducerOptions,
    );
  }

  /** Shuts out its predecessors. */
  initialize(): Promise<void> {
    return this.#insist(() => this.#producer.initTransactions());
  }

  /** Opens a transaction. */
  begin(): RecordedTransaction {
    this.#producer.beginTransaction();
    const { recorder, late, version } = this.stage;
    const { transactionalId, process } = this;
    const owner = { producer: process.name, transactionalId, version };
    const transaction = recorder.begins(owner);
    late.begins(process, transaction);
    return transaction;
  }

  /** Sends a record; nobody has to wait for it. */
  async send(
    transaction: RecordedTransaction,
    topic: string,
    value: string,
    partition = this.random.below(PARTITION_COUNT),
  ): Promise<void> {
    const record = { topic, partition, value };
    const write = transaction.sends(record);
    try {
      write.acknowledged((await this.#producer.send(record)).offset);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error; // the commit will say so
    }
  }

  /** Takes a group on with the transaction. */
  async sendPositions(
    transaction: RecordedTransaction,
    ...[positions, group]: Parameters<Producer["sendOffsetsToTransaction"]>
  ): Promise<void> {
    const all = [...positions];
    transaction.sendsPositions(group.groupId, all);
    await this.#producer.sendOffsetsToTransaction(all, group);
  }

  /**
   * Commits.
   *
   * @throws KafkaError when that is not possible
   */
  async commit(transaction: RecordedTransaction): Promise<void> {
    transaction.asksForCommit();
    await this.#insist(() => this.#producer.commitTransaction());
    transaction.committed();
    this.stage.onCommitted();
  }

  /**
   * Aborts.
   *
   * @throws KafkaError when that is not possible
   */
  async abort(transaction: RecordedTransaction): Promise<void> {
    await this.#insist(() => this.#producer.abortTransaction());
    transaction.aborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close(500).catch(() => {});
  }

  /** Waits for a step that takes longer than the producer waits by itself. */
  async #insist(step: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        const isLate = error instanceof KafkaError && error.kind === "REQUEST_TIMED_OUT" &&
          error.name === "KafkaError";
        if (!isLate) throw error;
      }
    }
  }
}

/** Whether a producer is done for. */
export function isFatal(error: unknown): boolean {
  return error instanceof FatalTransactionError;
}

/** Somebody who comes back under the same name, in a process of its own, whatever becomes of it. */
export abstract class Role {
  readonly random: Random;
  #process: SimulatedProcess | null = null;
  #working = 0;
  #closing = false;

  constructor(readonly stage: Stage, readonly name: string) {
    this.random = stage.simulation.random(`role/${name}`);
  }

  /** Whether it begins nothing new. */
  get closing(): boolean {
    return this.#closing || this.stage.isClosing();
  }

  /** It ends what it does, and begins nothing new. */
  close(): void {
    this.#closing = true;
  }

  /** Whether none of its lives does anything any more. */
  get idle(): boolean {
    return this.#working === 0;
  }

  /** Starts the next life. */
  spawn(afterMs = 0): void {
    const { simulation } = this.stage;
    const process = simulation.process(this.name);
    this.#process = process;
    this.#working++;
    process.lifetime.onEnd(() => this.#working--);
    simulation.after(afterMs, () => process.enter(() => void this.#begin(process)));
  }

  /** It loses power, and is started again a little later. */
  vanish(): void {
    if (this.closing || this.#process === null) return;
    this.stage.simulation.faults.add("client vanished");
    this.#process.kill(this.random.pick(["closed", "reset", "silent"]));
    this.spawn(this.random.below(1500));
  }

  /** It stands still, is taken for dead and replaced; then it goes on as a zombie. */
  haunt(): void {
    const zombie = this.#process;
    if (this.closing || zombie === null || zombie.paused) return;
    const { simulation } = this.stage;
    simulation.faults.add("client zombie");
    zombie.pause();
    const random = this.random;
    this.spawn(random.below(2000));
    simulation.after(random.between([200, 5000]), () => zombie.resume());
  }

  /** A life of it stands still for a while, and nobody takes its place. */
  protected stall(process: SimulatedProcess, forMs: number): void {
    if (this.stage.isPeaceful() || process.paused) return;
    this.stage.simulation.faults.add("client stalled");
    process.pause();
    this.stage.simulation.after(forMs, () => process.resume());
  }

  /** A life, until the scenario closes or the producer is done for. */
  protected abstract live(process: SimulatedProcess): Promise<void>;

  async #begin(process: SimulatedProcess): Promise<void> {
    const { simulation } = this.stage;
    try {
      await this.live(process);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      simulation.history.record("gave up", { who: process.name, error });
      if (isFatal(error)) simulation.faults.add("producer fenced or failed");
    }
    await sleep(process.environment, 100);
    process.kill(); // whatever it still waits for
    if (this.#process === process && !this.closing) this.spawn(50);
  }
}

/** Tries again until it succeeds, for so long: the world is rough. */
export async function persistently<T>(
  { environment }: Pick<SimulatedProcess, "environment">,
  attempt: () => Promise<T>,
  { withinMs = Infinity }: { readonly withinMs?: number } = {},
): Promise<T> {
  const endMs = environment.clock.monotonicMs() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KafkaError) || environment.clock.monotonicMs() > endMs) throw error;
      await sleep(environment, 200);
    }
  }
}
