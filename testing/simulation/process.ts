import type { Environment, LogSink, Network, Timer } from "../../environment/environment.ts";
import { Lifetime } from "../../environment/lifetime.ts";
import { SimulatedClock } from "./clock.ts";
import type { World } from "./world.ts";

/** How the peers of a killed process learn of it. */
export type Death =
  /** Its host closes the connections properly, as for a process that ended. */
  | "closed"
  /** Its host resets the connections, as for a process that had unread data. */
  | "reset"
  /** Not at all: the host lost power. */
  | "silent";

/** What a process takes part in beside its own world. */
export interface ProcessParts {
  /** Its view of the network. */
  readonly network: (process: SimulatedProcess) => Network;
  /** Called with every log line. */
  readonly onLog: LogSink["write"];
}

/**
 * One simulated operating-system process: an {@linkcode Environment} that can be killed, paused and given wrong clocks.
 * What a process waits for reaches it through {@linkcode SimulatedProcess.enter} only, so that a killed one is never
 * entered again and a paused one later.
 */
export class SimulatedProcess {
  /** Its clocks: to be made wrong. */
  readonly clock: SimulatedClock;
  /** What the code in it runs on. */
  readonly environment: Environment;
  /** Ends when it is killed. */
  readonly lifetime: Lifetime = new Lifetime();
  readonly #timers = new Set<Timer>();
  #paused = false;
  #held: (() => void)[] = [];
  #death: Death = "closed";

  /** @ignore: `simulation.process()` makes one. */
  constructor(
    private readonly world: World,
    /** E.g. `broker#2`: unique in its world, also among its own incarnations. */
    readonly name: string,
    /** The machine that it runs on: its loopback addresses are that one's. */
    public host: string,
    parts: ProcessParts,
  ) {
    this.clock = new SimulatedClock(() => world.nowMs);
    const random = world.random(`process/${name}`);
    this.environment = {
      clock: this.clock,
      timers: { schedule: (delayMs, callback) => this.schedule(delayMs, callback) },
      random: { bytes: (length) => random.bytes(length), next: () => random.next() },
      network: parts.network(this),
      log: {
        write: (level, message, fields) => {
          if (this.alive) parts.onLog(level, message, fields);
        },
      },
    };
  }

  /** Whether it was not killed. */
  get alive(): boolean {
    return !this.lifetime.ended;
  }

  /** Whether it stands still. */
  get paused(): boolean {
    return this.#paused;
  }

  /** How it was killed. */
  get death(): Death {
    return this.#death;
  }

  /** How many timers it has set that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.alive ? this.#timers.size : 0;
  }

  /** Lets its code run now; never if it is dead; once it goes on if it is paused. */
  enter(run: () => void): void {
    if (!this.alive) return;
    if (this.#paused) this.#held.push(run);
    else run();
  }

  /** Lets its code run after a delay of its own clock. */
  schedule(delayMs: number, run: () => void): Timer {
    if (!this.alive) return { cancel() {} };
    let cancelled = false;
    const due = this.world.schedule(this.clock.virtualDelayMs(delayMs), () => {
      this.#timers.delete(timer);
      this.enter(() => cancelled || run());
    });
    const timer: Timer = {
      cancel: () => {
        cancelled = true;
        this.#timers.delete(timer);
        due.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  /** Ends it: nothing that it waits for ever happens, everything that it has not committed is lost. */
  kill(death: Death = "closed"): void {
    if (!this.alive) return;
    this.world.timeline.note(this.name, `is killed (${death})`);
    this.#death = death;
    this.#held = [];
    this.lifetime.end();
  }

  /** Stops it, as SIGSTOP or a long garbage collection would: time goes on, its code does not. */
  pause(): void {
    if (!this.alive || this.#paused) return;
    this.world.timeline.note(this.name, "is paused");
    this.#paused = true;
  }

  /** Lets it go on; what came up meanwhile happens now, in order. */
  resume(): void {
    if (!this.alive || !this.#paused) return;
    this.world.timeline.note(this.name, "goes on");
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.world.schedule(0, () => this.enter(run));
  }
}
