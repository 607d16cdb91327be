import { KafkaError } from "../../protocol/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { listOffsets, type OffsetSpec } from "../cluster/list_offsets.ts";
import { asError } from "../errors.ts";
import type { AssignedPartition, Assignment } from "./assignment.ts";
import type { Failures } from "./failures.ts";
import type { ConsumerSettings } from "./options.ts";

/** What the lookup of positions works with. */
export interface PositionsParts {
  readonly settings: ConsumerSettings;
  readonly cluster: Cluster;
  readonly assignment: Assignment;
  /** Takes what went wrong. */
  readonly failures: Failures;
  /** Called when a position was found, or something went wrong. */
  readonly onNews: () => void;
}

/** Looks up the positions of partitions that have none, each topic on its own. */
export class Positions {
  readonly #parts: PositionsParts;
  readonly #looking = new Set<AssignedPartition>();

  constructor(parts: PositionsParts) {
    this.#parts = parts;
  }

  /** Begins to look for all that is missing, in the background. */
  lookUp(): void {
    const { settings: { client: { environment } }, assignment } = this.#parts;
    const nowMs = environment.clock.monotonicMs();
    const missing = [...assignment.partitions].filter((partition) =>
      partition.position === null && partition.lookup !== "committed" &&
      partition.failure === null && partition.notBeforeMs <= nowMs &&
      !this.#looking.has(partition)
    );
    for (const partitions of Map.groupBy(missing, ({ topic }) => topic).values()) {
      this.#lookUp(partitions);
    }
  }

  /**
   * Looks for the positions of partitions. One may still have none afterwards, e.g. when it was moved meanwhile.
   *
   * @throws {KafkaError} OFFSET_OUT_OF_RANGE when the policy is to look nowhere, what a broker says, REQUEST_TIMED_OUT
   */
  async find(partitions: readonly AssignedPartition[], timeoutMs?: number): Promise<void> {
    const { cluster, settings } = this.#parts;
    const asked = partitions.map((partition) => ({ partition, generation: partition.generation }));
    const questions = partitions.map((partition) => ({
      topic: partition.topic,
      partition: partition.partition,
      at: this.#specOf(partition),
    }));
    const found = await listOffsets(cluster, questions, settings.isolationLevel, timeoutMs);
    asked.forEach(({ partition, generation }, i) => {
      if (partition.generation !== generation || partition.position !== null) return;
      const { offset, leaderEpoch } = found[i];
      // No record is as young as that: what comes next will be.
      if (offset < 0n) partition.seek("latest");
      else partition.advance({ offset: Number(offset), epoch: leaderEpoch });
    });
  }

  async #lookUp(partitions: readonly AssignedPartition[]): Promise<void> {
    const { settings, failures, onNews } = this.#parts;
    const asked = partitions.map((partition) => ({ partition, generation: partition.generation }));
    for (const partition of partitions) this.#looking.add(partition);
    try {
      await this.find(partitions);
    } catch (error) {
      const { environment, retryBackoffMaxMs } = settings.client;
      const laterMs = environment.clock.monotonicMs() + retryBackoffMaxMs;
      const failed = asked.filter(({ partition, generation }) =>
        partition.generation === generation && partition.position === null
      ).map(({ partition }) => partition);
      for (const partition of failed) partition.notBeforeMs = laterMs;
      failures.add(failed, asError(error));
    } finally {
      for (const partition of partitions) this.#looking.delete(partition);
      onNews();
    }
  }

  /** Where to look for a position that is missing. */
  #specOf(partition: AssignedPartition): OffsetSpec {
    if (partition.lookup !== "policy" && partition.lookup !== "committed") return partition.lookup;
    const { settings: { autoOffsetReset, client } } = this.#parts;
    if (autoOffsetReset === null) {
      throw new KafkaError(
        "OFFSET_OUT_OF_RANGE",
        `Cannot read ${partition.key}: it has no position, and autoOffsetReset is none`,
      );
    }
    if (typeof autoOffsetReset === "string") return autoOffsetReset;
    const timestampMs = client.environment.clock.now() - autoOffsetReset.backMs;
    return { timestampMs: Math.max(0, timestampMs) };
  }
}
