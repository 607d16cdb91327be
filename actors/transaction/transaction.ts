/**
 * One transactional id: whose it is, and where its transaction stands.
 *
 * @module
 */
import type { StoredTransaction } from "./records.ts";
import { LAST_EPOCH, resumedState, type TransactionState } from "./transaction_machine.ts";

/** From this version on each end of a transaction gives the producer its next epoch (KIP-890). */
export const BUMPING_VERSION = 2;

/** A producer id that is none. */
export const NO_PRODUCER_ID = -1n;

/** One transactional id. */
export class Transaction {
  /** Where it stands. */
  state: TransactionState;

  constructor(readonly id: string, private recorded: StoredTransaction) {
    this.state = stateOf(recorded);
  }

  /** All that is durable of it, or about to be. */
  get stored(): StoredTransaction {
    return this.recorded;
  }

  /** Takes over what a record tells: the only way in which what is durable changes. */
  replay(stored: StoredTransaction): void {
    this.recorded = stored;
    this.state = stateOf(stored);
  }

  /** Whether a partition takes part in the transaction. */
  includes(topic: string, partition: number): boolean {
    return this.recorded.partitions.get(topic)?.has(partition) ?? false;
  }
}

/**
 * The machine's state, of a record. The epoch before the current one is known of those that came with the end of a
 * transaction; what another begin has given is known until the next restart only, as in Kafka.
 */
function stateOf({ state, ...stored }: StoredTransaction): TransactionState {
  const { epoch, clientVersion, nextProducerId, previousProducerId } = stored;
  const rotating = nextProducerId !== NO_PRODUCER_ID;
  let lastEpoch = -1;
  if (clientVersion >= BUMPING_VERSION && state !== "Empty") {
    if (epoch > LAST_EPOCH && !rotating) lastEpoch = -1;
    else if (epoch > 0) lastEpoch = epoch - 1;
    else if (previousProducerId !== NO_PRODUCER_ID) lastEpoch = LAST_EPOCH;
  }
  return resumedState(state, { epoch, lastEpoch, rotating });
}
