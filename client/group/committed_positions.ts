import type { Cluster } from "../cluster/cluster.ts";
import type { AssignedPartition, Assignment } from "../consumer/assignment.ts";
import type { Failures } from "../consumer/failures.ts";
import { asError } from "../errors.ts";
import type { GroupOffsets } from "./offsets.ts";

/** What the lookup of committed positions works with. */
export interface CommittedPositionsParts {
  readonly cluster: Cluster;
  readonly assignment: Assignment;
  readonly offsets: GroupOffsets;
  /** Whether to wait for transactions that commit offsets. */
  readonly stable: boolean;
  /** Takes what went wrong. */
  readonly failures: Failures;
  /** Called when positions were found, or something went wrong. */
  readonly onNews: () => void;
}

/** Has partitions go on where the group has got to, or else, if it was never there, where the policy says. */
export class CommittedPositions {
  readonly #parts: CommittedPositionsParts;
  readonly #looking = new Set<AssignedPartition>();

  constructor(parts: CommittedPositionsParts) {
    this.#parts = parts;
  }

  /** Begins to look for all that is missing, in the background. */
  lookUp(): void {
    const { cluster, assignment } = this.#parts;
    const nowMs = cluster.settings.environment.clock.monotonicMs();
    const missing = [...assignment.partitions].filter((partition) =>
      isMissing(partition) && partition.failure === null && partition.notBeforeMs <= nowMs &&
      !this.#looking.has(partition)
    );
    if (missing.length > 0) this.#lookUp(missing);
  }

  /**
   * Looks for the positions of those partitions that are to go on where the group has got to.
   *
   * @throws {KafkaError} what the broker says, or REQUEST_TIMED_OUT
   */
  async find(partitions: readonly AssignedPartition[], timeoutMs?: number): Promise<void> {
    const missing = partitions.filter(isMissing);
    const asked = missing.map((partition) => ({ partition, generation: partition.generation }));
    const { offsets, stable } = this.#parts;
    const found = await offsets.committed(missing, { stable, timeoutMs });
    for (const { partition, generation } of asked) {
      if (partition.generation !== generation || !isMissing(partition)) continue;
      const committed = found.get(partition.key);
      if (committed === undefined) partition.seek("policy");
      else {
        partition.advance({ offset: Number(committed.offset), epoch: committed.leaderEpoch });
      }
    }
  }

  async #lookUp(partitions: readonly AssignedPartition[]): Promise<void> {
    const { cluster, failures, onNews } = this.#parts;
    const asked = partitions.map((partition) => ({ partition, generation: partition.generation }));
    for (const partition of partitions) this.#looking.add(partition);
    try {
      await this.find(partitions);
    } catch (error) {
      const { environment, retryBackoffMaxMs } = cluster.settings;
      const laterMs = environment.clock.monotonicMs() + retryBackoffMaxMs;
      const failed = asked.filter(({ partition, generation }) =>
        partition.generation === generation && isMissing(partition)
      ).map(({ partition }) => partition);
      for (const partition of failed) partition.notBeforeMs = laterMs;
      failures.add(failed, asError(error));
    } finally {
      for (const partition of partitions) this.#looking.delete(partition);
      onNews();
    }
  }
}

function isMissing({ position, lookup }: AssignedPartition): boolean {
  return position === null && lookup === "committed";
}
