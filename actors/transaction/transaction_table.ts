import type { Decision } from "../coordinator/decision_log.ts";
import { readTransactionRecord } from "./records.ts";
import { Transaction } from "./transaction.ts";

/** The transactional ids of one coordinator, and the one way in which what is durable of them changes. */
export class TransactionTable {
  readonly #transactions = new Map<string, Transaction>();

  [Symbol.iterator](): Iterator<Transaction> {
    return this.#transactions.values();
  }

  get(id: string): Transaction | undefined {
    return this.#transactions.get(id);
  }

  /** Applies a record, live or on load. */
  replay(decision: Decision): void {
    const record = readTransactionRecord(decision);
    if (record === null) return;
    const { transactionalId, stored } = record;
    const known = this.#transactions.get(transactionalId);
    if (stored === null) this.#transactions.delete(transactionalId);
    else if (known) known.replay(stored);
    else this.#transactions.set(transactionalId, new Transaction(transactionalId, stored));
  }
}
