import type { ClientOptions } from "../../client/mod.ts";
import type { LogLevel } from "../../environment/environment.ts";
import { SimulatedBroker, type SimulatedBrokerOptions } from "../simulated_broker.ts";
import { type Duration, durationMs } from "./duration.ts";
import { SimulationError } from "./failure.ts";
import type { FaultCounts } from "./fault_counts.ts";
import type { History } from "./history.ts";
import type { KvFaults } from "./kv/faults.ts";
import { SimulatedStore, type StoreOptions } from "./kv/store.ts";
import { macrotask, onUnhandledRejection } from "./macrotask.ts";
import type { NetworkFaults } from "./network/faults.ts";
import { SimulatedNetwork } from "./network/network.ts";
import { SimulatedProcess } from "./process.ts";
import type { Random } from "./random.ts";
import { replayCommandOf } from "./replay.ts";
import type { Taps } from "./wire/taps.ts";
import { World } from "./world.ts";

/** How a simulation is made. */
export interface SimulationOptions {
  /** Everything random follows from it: the same seed, the same run. */
  readonly seed: number | string;
  /** How the network behaves; quiet by default. */
  readonly network?: Partial<NetworkFaults>;
  /** How {@linkcode Simulation.broker} is made. */
  readonly broker?: SimulatedBrokerOptions;
  /** How stores behave; quiet by default. */
  readonly kv?: Partial<KvFaults>;
  /** The command that runs this seed again, shown when it fails. Default: the one that runs the program's file. */
  readonly replay?: string;
}

/** How a process is started. */
export interface ProcessOptions {
  /** The machine it runs on; loopback addresses are its own. Default `127.0.0.1`: all on one machine. */
  readonly host?: string;
}

/** Limits of one drive through virtual time. */
export interface RunLimits {
  /** Virtual time after which it has failed. Default one hour. */
  readonly within?: Duration;
}

/** How much of the timeline a failure shows. */
const TIMELINE_LINES_SHOWN = 60;
const TIMELINE_LEVELS: ReadonlySet<LogLevel> = new Set(["info", "warn", "error"]);

/**
 * A world in virtual time, with everything in it that goes wrong in the real one. Nothing happens in it except inside
 * {@linkcode Simulation.run}, {@linkcode Simulation.until} and {@linkcode Simulation.advance}.
 *
 * ```ts
 * await using simulation = simulate({ seed: 42 });
 * const server = simulation.process("server");
 * const client = simulation.process("client");
 * await simulation.run(async () => {
 *   const listener = await server.environment.network.listen({ host: "127.0.0.1", port: 9092 });
 *   const stream = await client.environment.network.dial(listener.address);
 *   server.kill();
 *   await stream.read(new Uint8Array(1)); // null: the end
 * });
 * ```
 */
export class Simulation implements AsyncDisposable {
  /** Who can reach whom, and how well. */
  readonly network: SimulatedNetwork;
  readonly #world: World;
  readonly #replay: string;
  readonly #stores = new Map<string, SimulatedStore>();
  readonly #incarnations = new Map<string, number>();
  readonly #processes: SimulatedProcess[] = [];
  readonly #brokerOptions: SimulatedBrokerOptions;
  readonly #kvFaults: Partial<KvFaults>;
  #broker: SimulatedBroker | null = null;
  #driving = false;

  /** See {@linkcode simulate}. */
  constructor({ seed, network, replay, broker = {}, kv = {} }: SimulationOptions) {
    this.#brokerOptions = broker;
    this.#kvFaults = kv;
    this.#world = new World(String(seed));
    this.#replay = replay ?? replayCommandOf(seed);
    this.network = new SimulatedNetwork(this.#world, network);
  }

  /** The broker, started when it is first asked for. */
  get broker(): SimulatedBroker {
    return this.#broker ??= new SimulatedBroker(this, this.#brokerOptions);
  }

  /** The broker's store: its faults, and an audit. */
  get kv(): SimulatedStore {
    return this.store(this.#brokerOptions.store);
  }

  /** What is done to requests and answers on their way. */
  get taps(): Taps {
    return this.network.taps;
  }

  /** A process of its own, and what a client in it needs to reach the broker: `new Producer(simulation.client())`. */
  client(name = "client"): Pick<ClientOptions, "environment" | "bootstrapServers"> {
    const { bootstrapServers } = this.broker;
    return { environment: this.process(name).environment, bootstrapServers };
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#world.nowMs;
  }

  /** What the test and its clients have recorded. */
  get history(): History {
    return this.#world.history;
  }

  /** What happened lately, for people, oldest first: faults, kills, warnings of brokers, notes of the test. */
  get timeline(): readonly string[] {
    return this.#world.timeline.latest(TIMELINE_LINES_SHOWN);
  }

  /** How often each fault was injected. */
  get faults(): FaultCounts {
    return this.#world.faults;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#world.events;
  }

  /** A hash of the history and of all that happened inside: equal for two runs of a seed, or something is not simulated. */
  get hash(): string {
    return `${this.#world.history.hash}-${this.#world.trace.digest}`;
  }

  /** A stream of random numbers for a purpose of the test. */
  random(purpose: string): Random {
    return this.#world.random(`test/${purpose}`);
  }

  /** Starts a process; again under the same name: its next incarnation. */
  process(name: string, { host = "127.0.0.1" }: ProcessOptions = {}): SimulatedProcess {
    const incarnation = (this.#incarnations.get(name) ?? 0) + 1;
    this.#incarnations.set(name, incarnation);
    const fullName = incarnation === 1 ? name : `${name}#${incarnation}`;
    const process = new SimulatedProcess(this.#world, fullName, host, {
      network: (owner) => this.network.of(owner),
      onLog: (level, message, fields = {}) => this.#onLog(fullName, level, message, fields),
    });
    this.#processes.push(process);
    return process;
  }

  /** The processes that live, in order of their start. */
  processes(): SimulatedProcess[] {
    return this.#processes.filter(({ alive }) => alive);
  }

  /** A data folder by its name, made when first asked for. */
  store(name: string = "data", options?: StoreOptions): SimulatedStore {
    let store = this.#stores.get(name);
    if (!store) {
      this.#stores.set(
        name,
        store = new SimulatedStore(this.#world, name, { faults: this.#kvFaults, ...options }),
      );
    }
    return store;
  }

  /** Lets something happen at a moment of virtual time, e.g. a fault. */
  after(delay: Duration, run: () => void): void {
    this.#world.schedule(durationMs(delay), run);
  }

  /** Lets something happen again and again at random moments with this mean distance. Returns how to end it. */
  occasionally(what: string, meanDistance: Duration, run: (random: Random) => void): () => void {
    const random = this.random(`occasionally/${what}`);
    const meanMs = durationMs(meanDistance);
    const next = () =>
      this.#world.schedule(random.exponential(meanMs), () => {
        timer = next();
        run(random);
      });
    let timer = next();
    return () => timer.cancel();
  }

  /** Adds a line to the timeline that a failure shows. */
  note(what: string): void {
    this.#world.timeline.note("test", what);
  }

  /**
   * Runs a program in virtual time until it is done.
   *
   * @throws SimulationError when it throws, when it does not end in time, when nothing is left that could happen, and
   * when anything in the simulation crashes
   */
  async run<T>(program: () => T | Promise<T>, { within = "1h" }: RunLimits = {}): Promise<T> {
    const ended: { result?: () => T } = {};
    this.#world.schedule(0, () => {
      (async () => await program())().then(
        (value) => ended.result = () => value,
        (error) =>
          ended.result = () => {
            throw this.#failure("the program failed", error);
          },
      );
    });
    await this.#drive(() => ended.result !== undefined, this.nowMs + durationMs(within));
    return ended.result!();
  }

  /** Lets things happen until `predicate` is true. Throws as {@linkcode run} does. */
  until(predicate: () => boolean, { within = "1h" }: RunLimits = {}): Promise<void> {
    return this.#drive(predicate, this.nowMs + durationMs(within));
  }

  /** Lets this much time pass. Throws as {@linkcode run} does. */
  async advance(duration: Duration): Promise<void> {
    const endMs = this.nowMs + durationMs(duration);
    await this.#drive(() => (this.#world.nextAtMs() ?? Infinity) > endMs, Infinity);
    this.#world.passTo(endMs);
  }

  /** The end of the world: all processes are killed. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) process.kill("silent");
    return Promise.resolve();
  }

  async #drive(done: () => boolean, endMs: number): Promise<void> {
    if (this.#driving) throw new TypeError("The simulation is driven already: await that first");
    this.#driving = true;
    const world = this.#world;
    const stop = onUnhandledRejection((reason) => world.fail(reason));
    try {
      while (true) {
        await macrotask();
        if (world.failures.length > 0) throw this.#failure("crash", world.failures[0]);
        if (done()) return;
        const nextAtMs = world.nextAtMs();
        if (nextAtMs === null) throw this.#failure("nothing is left that could happen");
        if (nextAtMs > endMs) throw this.#failure("not done in time");
        world.step();
      }
    } finally {
      stop();
      this.#driving = false;
    }
  }

  #onLog(
    process: string,
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const { error } = fields;
    if (TIMELINE_LEVELS.has(level)) {
      const reason = error instanceof Error ? `: ${error.name}: ${error.message}` : "";
      this.#world.timeline.note(process, `${level}: ${message}${reason}`);
    }
    if (level === "error" && isBug(error)) this.#world.fail(error);
  }

  #failure(what: string, cause?: unknown): SimulationError {
    const because = cause === undefined ? "" : `: ${cause instanceof Error ? cause.stack : cause}`;
    return new SimulationError(
      `${what} at ${this.nowMs.toFixed(3)} ms${because}`,
      this.#world.seed,
      { replay: this.#replay, timeline: this.timeline },
      { cause },
    );
  }
}

/** Begins a simulation. */
export function simulate(options: SimulationOptions): Simulation {
  return new Simulation(options);
}

/** Errors that are logged and are a fault of the program, whatever the world does to it. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError ||
    error instanceof Error && error.name === "InvariantError";
}
