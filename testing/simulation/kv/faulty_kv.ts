import type {
  Kv,
  KvCommit,
  KvEntry,
  KvLimits,
  KvOutcome,
  KvRange,
} from "../../../storage/kv/kv.ts";
import type { SimulatedProcess } from "../process.ts";
import type { Random } from "../random.ts";
import type { World } from "../world.ts";
import type { CommitFault, KvFaults } from "./faults.ts";

/** What a handle needs of the store it leads to. */
export interface FaultyStore {
  readonly faults: KvFaults;
  readonly diskFull: boolean;
  takeOrdered(): CommitFault | undefined;
  arrives(commit: KvCommit, from: SimulatedProcess): void;
  /** A commit to the store of that name has taken effect. */
  applied(name: string, from: SimulatedProcess, commit: KvCommit): void;
}

/** How a handle is made. */
export interface FaultyKvOptions {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly random: Random;
  readonly store: FaultyStore;
  /** E.g. `log-0`. */
  readonly name: string;
}

/** How each fault is counted. */
const COUNTED: Readonly<Record<CommitFault, string>> = {
  lostRequest: "kv lost request",
  lostAnswer: "kv lost answer",
  late: "kv late request",
  duplicate: "kv duplicate request",
  conflict: "kv conflict",
  refused: "kv refused",
  slow: "kv slow",
};

/**
 * One process's handle on a store: every call takes effect at one moment between call and answer, if it does, or
 * (answered `unknown`) after it.
 */
export class FaultyKv implements Kv {
  readonly limits: KvLimits;
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #random: Random;
  readonly #store: FaultyStore;
  readonly #name: string;

  constructor(
    private readonly inner: Kv,
    { world, process, random, store, name }: FaultyKvOptions,
  ) {
    this.#name = name;
    this.limits = inner.limits;
    this.#world = world;
    this.#process = process;
    this.#random = random;
    this.#store = store;
  }

  get(keys: readonly Uint8Array[]): Promise<(KvEntry | null)[]> {
    return this.#read(() => this.inner.get(keys));
  }

  list(
    range: KvRange,
    options: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<KvEntry[]> {
    return this.#read(() => this.inner.list(range, options));
  }

  commit(commit: KvCommit): Promise<KvOutcome> {
    if (!this.#process.alive) return new Promise(() => {});
    const request = snapshot(commit); // it may arrive after the caller has gone on
    const fault = this.#drawFault();
    this.#world.trace.number(request.sets.length + request.deletes.length);
    return new Promise((resolve) => {
      const answer = (outcome: KvOutcome) => {
        this.#later(() => this.#process.enter(() => resolve(outcome)));
      };
      this.#later(() => this.#arrive(request, fault, answer), fault === "slow");
    });
  }

  close(): Promise<void> {
    return Promise.resolve(); // the store itself stays open for others
  }

  /** A commit has come as far as its fault lets it. */
  #arrive(
    request: KvCommit,
    fault: CommitFault | undefined,
    answer: (outcome: KvOutcome) => void,
  ): void {
    if (this.#process.alive) this.#store.arrives(request, this.#process);
    if (!this.#process.alive && !this.#outlives()) return;
    if (this.#store.diskFull) {
      this.#world.faults.add("kv disk full");
      return answer({ kind: "refused", error: new Error("Cannot commit: the disk is full") });
    }
    switch (fault) {
      case "refused":
        return answer({ kind: "refused", error: new Error("Cannot commit: simulated fault") });
      case "conflict":
        return answer({ kind: "conflict" });
      case "lostRequest":
        return answer(unknown());
      case "late":
        answer(unknown());
        return void this.#world.schedule(
          this.#random.between(this.#store.faults.lateMs),
          () => this.#apply(request),
        );
      case "lostAnswer":
        return this.#apply(request, () => answer(unknown()));
      case "duplicate":
        return this.#apply(request, () => this.#later(() => this.#apply(request, answer)));
      default:
        return this.#apply(request, (outcome) => {
          // Nobody made it up: somebody else has written, or an earlier sending of the same commit.
          if (outcome.kind === "conflict") this.#world.faults.add(COUNTED.conflict);
          answer(outcome);
        });
    }
  }

  /** The commit takes effect now, or is turned down by its checks. */
  #apply(request: KvCommit, then: (outcome: KvOutcome) => void = () => {}): void {
    this.inner.commit(request).then((outcome) => {
      if (outcome.kind === "ok") this.#store.applied(this.#name, this.#process, request);
      then(outcome);
    });
  }

  #outlives(): boolean {
    const outlives = this.#random.chance(this.#store.faults.outliveChance);
    this.#world.faults.add(
      outlives ? "kv request outlives process" : "kv request dies with process",
    );
    return outlives;
  }

  #drawFault(): CommitFault | undefined {
    const { faults } = this.#store;
    const draws: [CommitFault, boolean][] = [
      ["lostRequest", this.#random.chance(faults.lostRequestChance)],
      ["lostAnswer", this.#random.chance(faults.lostAnswerChance)],
      ["late", this.#random.chance(faults.lateChance)],
      ["duplicate", this.#random.chance(faults.duplicateChance)],
      ["conflict", this.#random.chance(faults.conflictChance)],
      ["refused", this.#random.chance(faults.refusedChance)],
      ["slow", this.#random.chance(faults.slowChance)],
    ];
    const fault = this.#store.takeOrdered() ?? draws.find(([, happens]) => happens)?.[0];
    if (fault) this.#world.faults.add(COUNTED[fault]);
    return fault;
  }

  #read<T>(read: () => Promise<T>): Promise<T> {
    if (!this.#process.alive) return new Promise(() => {});
    const { readErrorChance, slowChance } = this.#store.faults;
    const fails = this.#random.chance(readErrorChance);
    const slow = this.#random.chance(slowChance);
    if (fails) this.#world.faults.add("kv read error");
    if (slow) this.#world.faults.add(COUNTED.slow);
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => this.#later(() => this.#process.enter(settle));
      this.#later(() => {
        if (fails) return answer(() => reject(new Error("Cannot read: simulated fault")));
        read().then(
          (value) => answer(() => resolve(value)),
          (error) => answer(() => reject(error)),
        );
      }, slow);
    });
  }

  #later(run: () => void, slow = false): void {
    const { delayMs, slowMs } = this.#store.faults;
    const delay = this.#random.between(delayMs) + (slow ? this.#random.between(slowMs) : 0);
    this.#world.schedule(delay, run);
  }
}

function unknown(): KvOutcome {
  return { kind: "unknown", error: new Error("Cannot tell whether the commit was applied") };
}

function snapshot({ checks = [], sets = [], deletes = [] }: KvCommit): Required<KvCommit> {
  return {
    checks: checks.map(({ key, version }) => ({ key: key.slice(), version })),
    sets: sets.map(({ key, value }) => ({ key: key.slice(), value: value.slice() })),
    deletes: deletes.map((key) => key.slice()),
  };
}
