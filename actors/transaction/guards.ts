/**
 * What proves that a transaction's coordinator was asked about a partition, and that the transaction has not ended since.
 *
 * Between the coordinator's word and the append, the transaction can end: a batch that was let in then would belong to no
 * transaction, or to the next one, and hang there (KIP-890). So the guard is taken before the coordinator is asked, and
 * the end of the transaction voids it.
 *
 * @module
 */

/** The proof. Compared by identity, void after a restart. */
export interface Guard {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Guards kept at a time; a producer whose guard was dropped asks again. */
const GUARDS_MAX = 10_000;

/** The guards of one partition. */
export class Guards {
  readonly #guards = new Map<bigint, Guard>();

  /** A guard for the transaction that is going on, as the coordinator will confirm or not. */
  take(producerId: bigint, producerEpoch: number): Guard {
    const known = this.#guards.get(producerId);
    if (known?.producerEpoch === producerEpoch) return known;
    const guard = { producerId, producerEpoch };
    this.#guards.set(producerId, guard);
    if (this.#guards.size > GUARDS_MAX) this.#guards.delete(this.#guards.keys().next().value!);
    return guard;
  }

  /** Whether a guard still proves anything for this producer and epoch. */
  hold(guard: Guard | null | undefined, producerId: bigint, producerEpoch: number): boolean {
    return guard !== null && guard !== undefined && this.#guards.get(producerId) === guard &&
      guard.producerEpoch === producerEpoch;
  }

  /** A transaction of the producer ends. */
  void(producerId: bigint): void {
    this.#guards.delete(producerId);
  }
}
