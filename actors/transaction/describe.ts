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
    startedMs: stored.startedMs,
    topics: Array.from(partitions, ([topic, indexes]) => ({
      topic,
      partitions: [...indexes].sort((a, b) => a - b),
    })),
  };
}

/** A transactional id as ListTransactions tells it. */
export function listed({ id, stored, state }: Transaction): TransactionListing {
  const { producerId, startedMs } = stored;
  return { transactionalId: id, producerId, state: state.value, startedMs };
}
