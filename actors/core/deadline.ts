import type { Clock } from "../../environment/environment.ts";
import type { Self } from "./message.ts";

/**
 * A moment that is put off often and reached seldom, like the end of a member's session: putting it off costs no timer.
 */
export class Deadline {
  #dueMs = Infinity;
  #timer: { readonly atMs: number; cancel(): void } | null = null;

  /** @param onReached called in the actor's turn. The deadline is then unset. */
  constructor(
    private readonly self: Pick<Self, "schedule">,
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly onReached: () => void,
  ) {}

  /** Whether it is set. */
  get isSet(): boolean {
    return this.#dueMs !== Infinity;
  }

  /** Puts the deadline `delayMs` from now, wherever it was. */
  set(delayMs: number): void {
    this.#dueMs = this.clock.monotonicMs() + delayMs;
    if (this.#timer !== null && this.#timer.atMs <= this.#dueMs) return;
    this.#timer?.cancel();
    this.#arm(delayMs);
  }

  /** Unsets it. */
  clear(): void {
    this.#dueMs = Infinity;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(delayMs: number): void {
    const atMs = this.clock.monotonicMs() + delayMs;
    this.#timer = { atMs, cancel: this.self.schedule(delayMs, () => this.#fire()).cancel };
  }

  #fire(): void {
    this.#timer = null;
    const leftMs = this.#dueMs - this.clock.monotonicMs();
    if (leftMs > 0) return this.#arm(leftMs);
    this.#dueMs = Infinity;
    this.onReached();
  }
}
