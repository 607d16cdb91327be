import type { Timers } from "../../environment/environment.ts";

/** Bytes of large requests that are begun in one turn of the event loop: about a millisecond's work. */
const TURN_BYTES = 256 * 1024;
/** Requests up to this size never wait: what they take is little, and somebody waits for their answer. */
const SMALL_BYTES_MAX = 8 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * How much is begun in one turn of the event loop. Producers that send as fast as they can have megabytes ready in each
 * turn, and whoever wants an offset committed, or has one committed already, would wait for all of that; so the rest of it
 * waits for the next turn, and what has become ready meanwhile comes in between.
 */
export class TurnBudget {
  #left = TURN_BYTES;
  #waiting: Waiting[] = [];
  #renewing = false;

  constructor(private readonly timers: Timers) {}

  /** Whether a request may be begun now. One of any size may when nothing was begun before it in this turn. */
  tryTake(bytes: number): boolean {
    if (bytes <= SMALL_BYTES_MAX) return true;
    if (this.#left <= 0 || this.#waiting.length > 0) return false;
    this.#use(bytes);
    return true;
  }

  /** Waits for a turn in which a request may be begun, in the order of asking. */
  take(bytes: number): Promise<void> {
    if (this.tryTake(bytes)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  #use(bytes: number): void {
    this.#left -= bytes;
    if (this.#renewing) return;
    this.#renewing = true;
    this.timers.schedule(0, () => this.#renew());
  }

  #renew(): void {
    this.#renewing = false;
    this.#left = TURN_BYTES;
    let begun = 0;
    while (this.#left > 0 && begun < this.#waiting.length) {
      const { bytes, resolve } = this.#waiting[begun++];
      this.#use(bytes);
      resolve();
    }
    this.#waiting.splice(0, begun);
  }
}
