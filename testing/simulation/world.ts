import type { Timer } from "../../environment/environment.ts";
import { EventHeap } from "./event_heap.ts";
import { FaultCounts } from "./fault_counts.ts";
import { RunningHash } from "./hash.ts";
import { History } from "./history.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";

/** Faults that are too frequent, and too small, for the timeline. */
const COMMONPLACE: ReadonlySet<string> = new Set(["network split", "network delay", "kv slow"]);

/** What everything simulated shares: virtual time, what is going to happen, what happened, and the seed. */
export class World {
  readonly history: History = new History(() => this.nowMs);
  readonly timeline: Timeline = new Timeline(() => this.nowMs);
  readonly faults: FaultCounts = new FaultCounts((kind) => {
    this.trace.text(kind);
    if (!COMMONPLACE.has(kind)) this.timeline.note("fault", kind);
  });
  /** A hash of all that happened inside: any difference between two runs shows here. */
  readonly trace: RunningHash = new RunningHash();
  readonly #heap = new EventHeap();
  #nowMs = 0;
  #events = 0;
  readonly #failures: Error[] = [];

  constructor(readonly seed: string) {}

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** A stream of random numbers of its own for this purpose. */
  random(purpose: string): Random {
    return new Random(`${this.seed}/${purpose}`);
  }

  /** Lets something happen later. */
  schedule(delayMs: number, run: () => void): Timer {
    return this.#heap.add(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** When the next event happens; null if nothing is left. */
  nextAtMs(): number | null {
    return this.#heap.peek()?.atMs ?? null;
  }

  /** Lets the next event happen. */
  step(): void {
    const event = this.#heap.pop();
    if (!event) return;
    this.#nowMs = event.atMs;
    this.#events++;
    this.trace.number(event.atMs);
    this.trace.number(event.order);
    try {
      event.run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets time pass in which nothing happens. */
  passTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Notes that something went wrong that must not: an uncaught error, a crash, a broken promise of the product. */
  fail(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#failures.push(error);
    this.timeline.note("failure", error.message);
  }

  /** What went wrong so far. */
  get failures(): readonly Error[] {
    return this.#failures;
  }
}
