/**
 * The Fetch requests that wait for a partition to grow.
 *
 * @module
 */
import type { FetchWaiter, Isolation } from "./messages.ts";

/** The limits of what can be read, by isolation level. */
export interface ReadLimits {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

interface Waiting {
  readonly waiter: FetchWaiter;
  readonly isolation: Isolation;
}

/** The Fetch requests that wait for one partition. Answered ones are forgotten lazily. */
export class FetchWaiters {
  #waiting: Waiting[] = [];
  /** Length at which answered ones are swept out, so that a busy poller of a silent partition costs no memory. */
  #sweepAt = 16;

  add(waiter: FetchWaiter, isolation: Isolation): void {
    if (this.#waiting.length >= this.#sweepAt) {
      this.#waiting = this.#waiting.filter(({ waiter }) => !waiter.done);
      this.#sweepAt = Math.max(16, this.#waiting.length * 2);
    }
    this.#waiting.push({ waiter, isolation });
  }

  /** Tells everybody that `bytes` more can be read under `isolation`. */
  advanced(bytes: number, isolation: Isolation): void {
    if (this.#waiting.length === 0) return;
    const told = this.#waiting;
    this.#waiting = [];
    for (const waiting of told) {
      if (waiting.waiter.done) continue;
      if (waiting.isolation === isolation) waiting.waiter.advanced(bytes);
      if (!waiting.waiter.done) this.#waiting.push(waiting);
    }
  }

  /** Tells everybody, once and for all, to look again: the partition is going away, or has a new epoch. */
  disperse(): void {
    const told = this.#waiting;
    this.#waiting = [];
    for (const { waiter } of told) if (!waiter.done) waiter.advanced(0);
  }

  get size(): number {
    return this.#waiting.length;
  }
}
