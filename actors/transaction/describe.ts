import type { TransactionDescription, TransactionListing } from "./messages.ts";
import type { Transaction } from "./transaction.ts";

/** A transactional id as DescribeTransactions tells it. */
export function describe({ stored, state }: Transaction): TransactionDescription {
  const { producerId, timeoutMs, partitions } = stored;
  return {
    state: state.value,
    producerId,
    epoch: state.context.epoch,
    timeoutMs,
    startedMs: hasBegun(state.value) ? stored.startedMs : -1,
    topics: Array.from(partitions, ([topic, indexes]) => ({
      topic,
      partitions: [...indexes].sort((a, b) => a - b),
    })),
  };
}

/** A transactional id as ListTransactions tells it. */
export function listed({ id, stored, state }: Transaction, nowMs: number): TransactionListing {
  return {
    transactionalId: id,
    producerId: stored.producerId,
    state: state.value,
    openMs: hasBegun(state.value) ? nowMs - stored.startedMs : -1,
  };
}

function hasBegun(state: Transaction["state"]["value"]): boolean {
  return state === "Ongoing" || state === "PrepareCommit" || state === "PrepareAbort";
}
