import type { Kv, KvCommit, KvFolder } from "../../../storage/kv/kv.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { ChainChecker } from "../../checkers/chain_checker.ts";
import { auditStores } from "../../checkers/store_audit.ts";
import type { Violation } from "../../checkers/violation.ts";
import type { SimulatedProcess } from "../process.ts";
import type { World } from "../world.ts";
import { type CommitFault, type CommitObserver, type KvFaults, QUIET_KV } from "./faults.ts";
import { FaultyKv } from "./faulty_kv.ts";

/** How a simulated data folder is made. */
export interface StoreOptions {
  /** Quiet by default. */
  readonly faults?: Partial<KvFaults>;
  /** Bytes free while the disk is not full. Default 100 GB. */
  readonly freeBytes?: number;
}

/**
 * A simulated data folder: what it holds outlives the processes that use it. Its stores are strictly serialisable, as
 * Deno KV is; what is wrong with them is how requests and answers travel.
 */
export class SimulatedStore {
  /** How it behaves; may be changed at any time. */
  faults: KvFaults;
  /** Bytes free while the disk is not full. */
  freeBytes: number;
  /** While true every commit is refused, one that only deletes too, and nothing is free. */
  diskFull = false;
  readonly #folder = new MemoryDisk().openFolder();
  readonly #stores = new Map<string, Promise<Kv>>();
  readonly #ordered: CommitFault[] = [];
  readonly #observers = new Set<CommitObserver>();
  readonly #writers = new Map<string, SimulatedProcess>();
  readonly #chains = new ChainChecker((before) => this.#takenOver(this.#writers.get(before)!));
  readonly #takeoverListeners = new Set<(before: SimulatedProcess) => void>();
  #handles = 0;

  /** @ignore: `simulation.store()` makes one. */
  constructor(private readonly world: World, readonly name: string, options: StoreOptions = {}) {
    this.faults = { ...QUIET_KV, ...options.faults };
    this.freeBytes = options.freeBytes ?? 100e9;
  }

  /** The folder as one process sees it. Several may use it at a time, as several brokers use one remote store. */
  of(process: SimulatedProcess): KvFolder {
    const opened = new Set<string>();
    return {
      name: `simulated:${this.name}`,
      open: async (store) => {
        if (opened.has(store)) throw new Error(`Cannot open "${store}": it is open already`);
        opened.add(store);
        const random = this.world.random(`kv/${this.name}/${store}/${++this.#handles}`);
        return new FaultyKv(await this.inner(store), {
          world: this.world,
          process,
          random,
          store: this,
          name: store,
        });
      },
      freeBytes: () => Promise.resolve(this.diskFull ? 0 : this.freeBytes),
      close: () => Promise.resolve(),
    };
  }

  /** A store without delay or fault, for audits. */
  inner(store: string): Promise<Kv> {
    let opening = this.#stores.get(store);
    if (!opening) this.#stores.set(store, opening = this.#folder.open(store));
    return opening;
  }

  /**
   * Everything that is stored and that nothing leads to, or that is missing: once all has come to rest, as
   * {@linkcode auditStores} asks for. And every commit that did not follow the one before it: see
   * {@linkcode ChainChecker}.
   */
  async audit(): Promise<Violation[]> {
    const stores = new Map<string, Kv>();
    for (const [name, opening] of this.#stores) stores.set(name, await opening);
    const logs = [...stores].filter(([name]) => name.startsWith("log-")).map(([, kv]) => kv);
    return [...this.#chains.violations, ...await auditStores({ meta: stores.get("meta"), logs })];
  }

  /** Lets this happen to the next commits, whatever the probabilities are. */
  fail(fault: CommitFault, { times = 1 }: { readonly times?: number } = {}): void {
    for (let time = 0; time < times; time++) this.#ordered.push(fault);
  }

  /**
   * Sees each commit of a live process when it arrives, before it takes effect, until the function returned is called. A
   * process that is killed by the observer leaves a commit behind that arrives, or does not: see `faults.outliveChance`.
   */
  observe(observer: CommitObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /**
   * Calls `listener` at the moment at which part of the store is taken over from a process that lives: what that had under
   * way may have been applied or not, and it cannot tell any more. Until the function returned is called.
   */
  onTakeover(listener: (before: SimulatedProcess) => void): () => void {
    this.#takeoverListeners.add(listener);
    return () => void this.#takeoverListeners.delete(listener);
  }

  /** @ignore: a commit was applied. */
  applied(store: string, from: SimulatedProcess, commit: KvCommit): void {
    this.#writers.set(from.name, from);
    this.#chains.applied(store, from.name, commit);
  }

  #takenOver(before: SimulatedProcess): void {
    if (!before.alive) return;
    for (const listener of this.#takeoverListeners) listener(before);
  }

  /** @ignore: a commit arrives. */
  arrives(commit: KvCommit, from: SimulatedProcess): void {
    for (const observer of this.#observers) observer(commit, from);
  }

  /** Takes the fault that was ordered for the next commit, if any. */
  takeOrdered(): CommitFault | undefined {
    return this.#ordered.shift();
  }
}
