import type { AssignedPartition, Assignment } from "./assignment.ts";

/**
 * What went wrong with assigned partitions and is still to be thrown: one error of a partition at most, each once, in the
 * order in which they came. A seek makes that of its partition void. Source: Kafka's `FetchCollector`.
 */
export class Failures {
  readonly #assignment: Assignment;
  /** Partitions that have, or had, an error to be thrown, oldest first. */
  readonly #failed = new Set<AssignedPartition>();

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
  }

  /** Keeps an error of partitions: they are not asked about again before it was thrown. */
  add(partitions: Iterable<AssignedPartition>, error: Error): void {
    for (const partition of partitions) {
      partition.failure ??= error;
      this.#failed.add(partition);
    }
  }

  /** The oldest error that is not void; null if there is none. */
  take(): Error | null {
    for (const partition of this.#failed) {
      this.#failed.delete(partition);
      const { failure } = partition;
      if (failure === null || !this.#assignment.includes(partition)) continue;
      this.#told(failure);
      partition.failure = null;
      return failure;
    }
    return null;
  }

  /** One error may be that of many partitions, e.g. of all in a request. */
  #told(error: Error): void {
    for (const partition of this.#failed) {
      if (partition.failure !== error) continue;
      partition.failure = null;
      this.#failed.delete(partition);
    }
  }
}
