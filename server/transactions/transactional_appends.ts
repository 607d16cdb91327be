import type { Guard } from "../../actors/transaction/guards.ts";

/**
 * Keeps the order of a producer's batches in a partition, although some of them wait until the transaction's coordinator
 * has been asked: a batch goes after those that came before it, also where it would not have to wait itself.
 */
export class TransactionalAppends {
  /** When the last batch of a producer in a partition is on its way. */
  readonly #sent = new Map<string, Promise<unknown>>();

  /**
   * Appends once the batch has what it needs, and those before it are on their way.
   *
   * @param key the partition and the producer
   */
  async inOrder<T>(
    key: string,
    needed: Promise<Guard | null>,
    append: (guard: Guard | null) => Promise<T>,
  ): Promise<T> {
    const sent = Promise.all([needed, this.#sent.get(key)]).then(([guard]) => ({
      answer: append(guard),
    }));
    const isSent = sent.then(() => {}, () => {});
    this.#sent.set(key, isSent);
    isSent.then(() => {
      if (this.#sent.get(key) === isSent) this.#sent.delete(key);
    });
    return await (await sent).answer;
  }
}
