/**
 * What of a run's transactions is visible in the end.
 *
 * @module
 */
import type { TransactionFacts, TransactionHistory } from "./history.ts";

/** What of a run's transactions is visible, to a consumer at any time or in the end. */
export class Visibility {
  /** The transactions that took effect: committed ones, and those of which something is visible. */
  readonly shown: readonly TransactionFacts[];
  readonly #places = new Map<string, string>();

  constructor(readonly history: TransactionHistory) {
    for (const { value, partition, offset } of [...history.seen, ...history.committedLog]) {
      this.#places.set(value, `${partition}@${offset}`);
    }
    this.shown = history.transactions.filter((transaction) =>
      this.tookEffect(transaction) === true
    );
  }

  /** Where a value is visible; null where it is not. */
  readonly visibleAs = (value: string): string | null => this.#places.get(value) ?? null;

  /** Whether a transaction took effect; null when nothing tells. */
  readonly tookEffect = ({ writes, outcome }: TransactionFacts): boolean | null => {
    if (writes.some(({ value }) => this.visibleAs(value) !== null)) return true;
    if (outcome !== "unknown") return outcome === "committed";
    // What was not acknowledged may be missing from a transaction that was committed.
    return writes.some(({ offset }) => offset !== null) ? false : null;
  };
}
