import {
  type BatchHeader,
  isTransactional,
  lastOffset,
} from "../../../protocol/records/batch_header.ts";
import type { AbortedTransaction } from "../partition_log.ts";

/** What the cleaner knows of transactions as it goes through a log. (Kafka: `CleanedTransactionMetadata`.) */
export class CleanedTransactions {
  /** Not met yet, by first offset. */
  readonly #aborted: AbortedTransaction[];
  /** Aborted ones whose marker has not come yet, and whether a batch of them was met. */
  readonly #ongoing = new Map<bigint, { met: boolean }>();
  /** Producers with a batch of a transaction that was not aborted, and whose marker has not come yet. */
  readonly #committing = new Set<bigint>();

  /** @param aborted all that overlap what is gone through. */
  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Takes note of a batch of data; true when its transaction was aborted. */
  isAborted(header: BatchHeader): boolean {
    this.#begin(lastOffset(header));
    if (!isTransactional(header)) return false;
    const ongoing = this.#ongoing.get(header.producerId);
    if (ongoing) ongoing.met = true;
    else this.#committing.add(header.producerId);
    return ongoing !== undefined;
  }

  /** Takes note of a marker; true when nothing is left of its transaction. */
  isIdle(header: BatchHeader, committed: boolean): boolean {
    this.#begin(lastOffset(header));
    if (committed) return !this.#committing.delete(header.producerId);
    const met = this.#ongoing.get(header.producerId)?.met ?? false;
    this.#ongoing.delete(header.producerId);
    return !met;
  }

  #begin(offset: number): void {
    while (this.#aborted.length > 0 && this.#aborted.at(-1)!.firstOffset <= offset) {
      this.#ongoing.set(this.#aborted.pop()!.producerId, { met: false });
    }
  }
}
