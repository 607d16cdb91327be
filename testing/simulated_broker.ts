import type { Feed } from "../actors/core/feed.ts";
import type { GroupHappening } from "../actors/group/group_feed.ts";
import type { TransactionHappening } from "../actors/transaction/transaction_feed.ts";
import type { Address } from "../environment/environment.ts";
import { type Broker, type BrokerOptions, createBroker } from "../mod.ts";
import type { Death, SimulatedProcess } from "./simulation/process.ts";
import type { Simulation } from "./simulation/simulation.ts";

/** How a simulated broker is made: as a real one, but for its world. */
export interface SimulatedBrokerOptions
  extends Omit<BrokerOptions, "environment" | "data" | "listeners"> {
  /** Name of its processes. Default `broker`. */
  readonly name?: string;
  /** Where it listens. Default `127.0.0.1:9092`. */
  readonly address?: Address;
  /** Name of its data folder. Default `data`. */
  readonly store?: string;
}

/** Milliseconds after which a broker that could not start is started again. */
const RESTART_MS = 500;

/**
 * The real broker in a simulation, kept running: a start that fails, because of what is wrong with its world, is tried
 * again, and so is a broker that has stopped by itself, as a supervisor would.
 */
export class SimulatedBroker {
  /** Where it listens. */
  readonly address: Address;
  readonly #name: string;
  readonly #store: string;
  #process: SimulatedProcess;
  #broker: Broker | null = null;
  readonly #groupHistory: GroupHappening[] = [];
  readonly #transactionHistory: TransactionHappening[] = [];

  /** Starts it. */
  constructor(
    private readonly simulation: Simulation,
    private readonly options: SimulatedBrokerOptions = {},
  ) {
    const { name = "broker", store = "data" } = options;
    this.address = options.address ?? { host: "127.0.0.1", port: 9092 };
    this.#name = name;
    this.#store = store;
    this.#process = this.#start();
  }

  /** The process that it runs in now. */
  get process(): SimulatedProcess {
    return this.#process;
  }

  /** The broker itself; null while it starts, and while it is dead. */
  get running(): Broker | null {
    return this.#process.alive ? this.#broker : null;
  }

  /** What happened to consumer groups so far, over all lives of the broker: from which state to which, and why. */
  get groupHistory(): readonly GroupHappening[] {
    return this.#groupHistory;
  }

  /** What happened to transactional ids so far, over all lives of the broker: each step of each, and why. */
  get transactionHistory(): readonly TransactionHappening[] {
    return this.#transactionHistory;
  }

  /** `host:port`, for clients. */
  get bootstrapServers(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  /** Kills it. What is committed stays. */
  kill(death?: Death): void {
    this.#process.kill(death);
    this.#broker = null;
  }

  /** Kills it, if it lives, and starts it again at once. */
  restart(death?: Death): void {
    this.kill(death);
    this.#process = this.#start();
  }

  /**
   * Pauses it, gives its address to a successor on the same store and starts that: what happens when an orchestrator
   * takes a broker for dead. The process returned is the zombie; it wakes by its `resume()`.
   */
  replace(): SimulatedProcess {
    const zombie = this.#process;
    zombie.pause();
    this.simulation.network.unroute(zombie);
    this.#broker = null;
    this.#process = this.#start();
    return zombie;
  }

  #start(): SimulatedProcess {
    const process = this.simulation.process(this.#name);
    this.simulation.after(0, () => process.enter(() => this.#run(process)));
    return process;
  }

  async #run(process: SimulatedProcess): Promise<void> {
    const { environment } = process;
    const { name: _name, address: _address, store: _store, ...options } = this.options;
    try {
      const broker = await createBroker({
        ...options,
        environment,
        data: this.simulation.store(this.#store).of(process),
        listeners: [this.address],
      });
      follow(broker.groupFeed, this.#groupHistory);
      follow(broker.transactionFeed, this.#transactionHistory);
      if (process === this.#process) this.#broker = broker;
      broker.ended.then((lost) => {
        if (lost && process === this.#process) {
          environment.timers.schedule(RESTART_MS, () => {
            if (process === this.#process) this.restart();
          });
        }
      });
    } catch (error) {
      environment.log.write("warn", "Cannot start", { error });
      environment.timers.schedule(RESTART_MS, () => {
        if (process === this.#process) this.restart();
        else process.kill();
      });
    }
  }
}

async function follow<T>(feed: Feed<T>, history: T[]): Promise<void> {
  for await (const happening of feed.read({ itemsMax: Infinity })) history.push(happening);
}
