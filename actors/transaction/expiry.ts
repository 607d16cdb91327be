/**
 * What time does to transactional ids: transactions that take too long, and ids that nobody uses.
 *
 * @module
 */
import type { Ground } from "./ground.ts";
import type { Steps } from "./steps.ts";

/** Aborts transactions that have been open for longer than their producers allowed, and fences those. */
export function abortOverdue({ transactions, environment }: Ground, steps: Steps): void {
  const nowMs = environment.clock.now();
  for (const transaction of [...transactions]) {
    const { startedMs, timeoutMs } = transaction.stored;
    if (transaction.state.value !== "Ongoing" || startedMs + timeoutMs > nowMs) continue;
    steps.send(transaction, { type: "timeout" }, { reason: "it has been open for too long" });
  }
}

/** Forgets transactional ids that have not been used for `transactional.id.expiration.ms`. */
export function forgetUnused(ground: Ground, steps: Steps): void {
  const { transactions, environment, config } = ground;
  const beforeMs = environment.clock.now() - config().int("transactional.id.expiration.ms");
  for (const transaction of [...transactions]) {
    const { value } = transaction.state;
    const isIdle = value === "Empty" || value === "CompleteCommit" || value === "CompleteAbort";
    if (!isIdle || transaction.stored.updatedMs > beforeMs) continue;
    steps.send(transaction, { type: "expire" }, { reason: "nobody has used it for long" });
  }
}
