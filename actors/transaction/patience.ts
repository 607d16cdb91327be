import type { Self } from "../core/message.ts";

/**
 * Those who wait for a transaction to have ended: the next one's first records come while the markers of the last one are
 * being written. Kafka has its broker come again in the producer's stead (`AddPartitionsToTxnManager`), which otherwise
 * pauses for long. Everything runs in the coordinator's turn.
 */
export class Patience {
  /** By transactional id. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(private readonly self: Pick<Self, "schedule">) {}

  /** Calls `then` when the transaction has ended, or after `timeoutMs`. */
  wait(transactionalId: string, timeoutMs: number, then: () => void): void {
    const waiting = this.#waiting.get(transactionalId) ?? new Set();
    this.#waiting.set(transactionalId, waiting);
    const once = () => {
      if (!waiting.delete(once)) return;
      timer.cancel();
      then();
    };
    waiting.add(once);
    const timer = this.self.schedule(timeoutMs, once);
  }

  /** A transaction has ended. */
  over(transactionalId: string): void {
    const waiting = this.#waiting.get(transactionalId);
    this.#waiting.delete(transactionalId);
    for (const then of [...waiting ?? []]) then();
  }
}
