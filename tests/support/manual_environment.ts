// Real time: a turn of the event loop, which takes no time.
import { macrotask } from "../../testing/simulation/macrotask.ts";
import type { Environment, LogLevel } from "../../environment/environment.ts";

/** A log line that was written. */
export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * A world in which time stands still until a test moves it: for tests of one part. Tests of the whole broker run on the
 * simulated world of `testing/`.
 */
export class ManualEnvironment implements Environment {
  #nowMs = 1_700_000_000_000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  #random = 1;
  readonly lines: LoggedLine[] = [];

  readonly clock = { now: () => this.#nowMs, monotonicMs: () => this.#nowMs };
  readonly timers = {
    schedule: (delayMs: number, callback: () => void) => {
      const timer = { atMs: this.#nowMs + delayMs, callback };
      this.#timers.push(timer);
      return {
        cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)),
      };
    },
  };
  readonly random = {
    bytes: (length: number) => Uint8Array.from({ length }, () => this.#next() >>> 16 & 0xff),
    next: () => this.#next() / 2 ** 31,
  };
  readonly network = {
    listen: () => Promise.reject(new Error("There is no network here")),
    dial: () => Promise.reject(new Error("There is no network here")),
  };
  readonly log = {
    write: (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) =>
      void this.lines.push({ level, message, fields }),
  };

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Moves time by `ms`, calling timers in order, and lets everything that follows from each of them happen. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (true) {
      const due = this.#timers.filter(({ atMs }) =>
        atMs <= untilMs
      ).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #next(): number {
    this.#random = Math.imul(this.#random, 1_103_515_245) + 12_345 & 0x7fffffff;
    return this.#random;
  }
}

/** Lets everything happen that needs no time: a turn of the event loop, which runs all promises to their end. */
export const settle: () => Promise<void> = macrotask;
