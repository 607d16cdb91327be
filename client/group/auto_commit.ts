import { KafkaError } from "../../protocol/errors.ts";
import type { Environment } from "../../environment/environment.ts";
import type { Assignment } from "../consumer/assignment.ts";
import { asError } from "../errors.ts";
import { partitionKey } from "../topic_partition.ts";
import type { OffsetToCommit } from "./offsets.ts";
import type { GroupSettings } from "./options.ts";

/** What commits by itself work with. */
export interface AutoCommitParts {
  readonly settings: GroupSettings;
  readonly environment: Environment;
  readonly assignment: Assignment;
  /** Commits, again as long as that may help. */
  readonly commit: (offsets: readonly OffsetToCommit[]) => Promise<void>;
}

/**
 * Commits what was polled. It is called by the next poll, so what it commits has been worked on by then: nothing is lost
 * when the process dies, some may be read twice.
 */
export class AutoCommit {
  readonly #parts: AutoCommitParts;
  readonly #committed = new Map<string, bigint>();
  #nextAtMs: number;

  constructor(parts: AutoCommitParts) {
    this.#parts = parts;
    this.#nextAtMs = this.#inOneInterval();
  }

  /** Begins to commit if the interval is over. */
  tick(): void {
    const { settings, environment } = this.#parts;
    if (!settings.enableAutoCommit || environment.clock.monotonicMs() < this.#nextAtMs) return;
    this.#nextAtMs = this.#inOneInterval();
    this.commitNow();
  }

  /** Commits what is new. That it fails is a line in the log: the next one will do. */
  async commitNow(): Promise<void> {
    const { settings, environment, assignment, commit } = this.#parts;
    if (!settings.enableAutoCommit) return;
    const offsets = offsetsOf(assignment).filter((target) =>
      this.#committed.get(partitionKey(target)) !== target.offset
    );
    if (offsets.length === 0) return;
    try {
      await commit(offsets);
      for (const target of offsets) this.#committed.set(partitionKey(target), target.offset);
    } catch (error) {
      const isRoutine = error instanceof KafkaError && error.kind === "REBALANCE_IN_PROGRESS";
      environment.log.write(
        isRoutine ? "debug" : "warn",
        `Cannot commit offsets of group ${settings.groupId} by itself`,
        { error: asError(error).message },
      );
    }
  }

  /** Forgets what it has committed: others may have committed since. */
  forget(): void {
    this.#committed.clear();
  }

  #inOneInterval(): number {
    const { settings, environment } = this.#parts;
    return environment.clock.monotonicMs() + settings.autoCommitIntervalMs;
  }
}

/** How far a consumer has got, in all partitions in which that is known. */
export function offsetsOf(assignment: Assignment): OffsetToCommit[] {
  return [...assignment.partitions].flatMap(({ topic, partition, position }) =>
    position === null
      ? []
      : [{ topic, partition, offset: BigInt(position.offset), leaderEpoch: position.epoch }]
  );
}
