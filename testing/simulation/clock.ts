import type { Clock } from "../../environment/environment.ts";

/** Wall-clock time at the start of every simulation: 2026-01-01T00:00:00Z. */
export const START_MS: number = Date.UTC(2026, 0, 1);

/** The clocks of one simulated process: right at first, then as wrong as a test makes them. */
export class SimulatedClock implements Clock {
  /** Process milliseconds per virtual millisecond. */
  #rate = 1;
  #rateSinceMs = 0;
  #elapsedAtRateChangeMs = 0;
  #wallOffsetMs = START_MS;

  /** One that agrees with virtual time so far. */
  constructor(private readonly virtualMs: () => number) {}

  /** What the process takes for the time of day. */
  now(): number {
    return Math.floor(this.#wallOffsetMs + this.monotonicMs());
  }

  /** What the process measures durations with. */
  monotonicMs(): number {
    return this.#elapsedAtRateChangeMs + (this.virtualMs() - this.#rateSinceMs) * this.#rate;
  }

  /** Moves the wall clock at once, forward or back; the monotonic clock does not notice. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /**
   * Lets both clocks (and timers set from now on) run fast or slow from now on.
   *
   * @param partsPerMillion e.g. 200 for a clock that gains 17 s a day; -200 for one that loses them
   */
  drift(partsPerMillion: number): void {
    this.#elapsedAtRateChangeMs = this.monotonicMs();
    this.#rateSinceMs = this.virtualMs();
    this.#rate = 1 + partsPerMillion / 1e6;
  }

  /** How long, in virtual time, a delay of this process lasts. */
  virtualDelayMs(delayMs: number): number {
    return delayMs / this.#rate;
  }
}
