import { KafkaError } from "../../protocol/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import {
  askLeader,
  byLeader,
  type FoundOffset,
  listOffsets,
  type OffsetQuestion,
  type OffsetSpec,
} from "../cluster/list_offsets.ts";
import { backoffMs } from "../backoff.ts";
import { asError, cannot, isRetriable, needsMetadata } from "../errors.ts";
import { partitionKey } from "../topic_partition.ts";
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

/** A partition whose position is looked for, as it was when that began. */
interface Asked {
  readonly partition: AssignedPartition;
  readonly generation: number;
}

/** Lookups in a row that find no position before the log tells of it. */
const LOOKUPS_TO_WARN = 10;

/**
 * Looks up the positions of partitions that have none, each leader on its own: a partition that has no leader, or whose
 * leader does not answer, holds up no other. Source: Kafka's `OffsetFetcher.resetPositionsAsync`.
 */
export class Positions {
  readonly #parts: PositionsParts;
  readonly #looking = new Set<AssignedPartition>();

  constructor(parts: PositionsParts) {
    this.#parts = parts;
  }

  /** Begins to look for all that is missing, in the background, again and again until it is found. */
  lookUp(): void {
    const { settings: { client: { environment } }, assignment, cluster } = this.#parts;
    if (cluster.isClosed) return;
    const nowMs = environment.clock.monotonicMs();
    const missing = [...assignment.partitions].filter((partition) =>
      partition.position === null && partition.lookup !== "committed" &&
      partition.failure === null && partition.notBeforeMs <= nowMs &&
      !this.#looking.has(partition)
    ).filter((partition) => this.#mayLook(partition));
    const leaders = byLeader(cluster, missing);
    for (const [leaderId, partitions] of leaders) this.#ask(leaderId, partitions);
    const led = new Set([...leaders.values()].flat());
    const others = missing.filter((partition) => !led.has(partition)).map(asAsked);
    const isNew = ({ partition }: Asked) => this.#isUnheardOf(partition);
    const strange = others.filter(isNew);
    if (strange.length > 0) this.#learn(strange);
    for (const asked of others) if (!isNew(asked)) this.#onNoLeader(asked);
  }

  /**
   * Looks for the position of one partition, as long as that may help. It may still have none afterwards, e.g. when it was
   * moved meanwhile.
   *
   * @throws {KafkaError} OFFSET_OUT_OF_RANGE when the policy is to look nowhere, what a broker says, REQUEST_TIMED_OUT
   */
  async find(partition: AssignedPartition, timeoutMs: number): Promise<void> {
    const { cluster, settings } = this.#parts;
    const asked = asAsked(partition);
    const question = this.#questionOf(partition);
    const [found] = await listOffsets(cluster, [question], settings.isolationLevel, timeoutMs);
    this.#settle(asked, found);
  }

  async #ask(leaderId: number, partitions: readonly AssignedPartition[]): Promise<void> {
    const { cluster, onNews, settings: { isolationLevel, client } } = this.#parts;
    const questions = partitions.map((partition) => this.#questionOf(partition));
    const open = new Map<string, Asked>();
    for (const partition of partitions) {
      open.set(partition.key, asAsked(partition));
      this.#looking.add(partition);
    }
    let failure: unknown = new KafkaError("LEADER_NOT_AVAILABLE", `Broker ${leaderId} is silent`);
    try {
      const { requestTimeoutMs } = client;
      const answers = await askLeader(
        cluster,
        leaderId,
        questions,
        isolationLevel,
        requestTimeoutMs,
      );
      for (const answer of answers) {
        const key = partitionKey(answer);
        const asked = open.get(key);
        if (asked === undefined) continue;
        open.delete(key);
        if (answer.error === null) this.#settle(asked, answer);
        else this.#onFailure([asked], answer.error);
      }
    } catch (error) {
      failure = error;
    } finally {
      if (open.size > 0) this.#onFailure([...open.values()], failure);
      for (const partition of partitions) this.#looking.delete(partition);
      onNews();
    }
  }

  #settle(asked: Asked, { offset, leaderEpoch }: FoundOffset): void {
    const { partition } = asked;
    if (!isOpen(asked)) return;
    // No record is as young as that: what comes next will be.
    if (offset < 0n) partition.seek("latest");
    else partition.advance({ offset: Number(offset), epoch: leaderEpoch });
  }

  #onFailure(asked: readonly Asked[], error: unknown): void {
    const { cluster, settings, failures } = this.#parts;
    const partitions = asked.filter(isOpen).map(({ partition }) => partition);
    if (partitions.length === 0 || cluster.isClosed) return;
    if (error instanceof KafkaError && needsMetadata(error.kind)) cluster.metadata.invalidate();
    for (const partition of partitions) this.#pause(partition, isRetriable(error));
    const [{ key }, ...others] = partitions;
    const what = others.length === 0 ? key : `${key} and ${others.length} more`;
    const failure = cannot(`find the position in ${what}`, asError(error));
    if (!isRetriable(error)) return failures.add(partitions, failure);
    const isLasting = partitions.some(({ lookups }) => lookups === LOOKUPS_TO_WARN);
    settings.client.environment.log.write(
      isLasting ? "warn" : "debug",
      "Cannot find where to read, trying again",
      { error: failure },
    );
  }

  /** Asks for the topics of partitions first. */
  async #learn(asked: readonly Asked[]): Promise<void> {
    const { cluster: { metadata }, onNews } = this.#parts;
    for (const { partition } of asked) this.#looking.add(partition);
    try {
      await metadata.refresh();
      const strange = asked.filter(({ partition }) => this.#isUnheardOf(partition));
      this.#onFailure(strange, new KafkaError("LEADER_NOT_AVAILABLE", "No metadata of the topic"));
    } catch (error) {
      this.#onFailure(asked, error);
    } finally {
      for (const { partition } of asked) this.#looking.delete(partition);
      this.lookUp();
      onNews();
    }
  }

  #isUnheardOf({ topic }: AssignedPartition): boolean {
    const { metadata } = this.#parts.cluster;
    return metadata.topic(topic) === null && !metadata.view.errors.has(topic);
  }

  /** Its topic does not exist, or it has no leader at the moment. */
  #onNoLeader(asked: Asked): void {
    const { cluster: { metadata }, onNews } = this.#parts;
    const { topic, key } = asked.partition;
    metadata.invalidate();
    const none = new KafkaError("LEADER_NOT_AVAILABLE", `${key} has no leader`);
    this.#onFailure([asked], metadata.refusal(topic) ?? none);
    onNews();
  }

  /** Whether there is anywhere to look. */
  #mayLook(partition: AssignedPartition): boolean {
    try {
      this.#specOf(partition);
      return true;
    } catch (error) {
      this.#pause(partition, false);
      this.#parts.failures.add([partition], asError(error));
      this.#parts.onNews();
      return false;
    }
  }

  #pause(partition: AssignedPartition, mayPassSoon: boolean): void {
    const { environment, retryBackoffMs, retryBackoffMaxMs } = this.#parts.settings.client;
    const options = { firstMs: retryBackoffMs, maxMs: retryBackoffMaxMs };
    partition.lookups++;
    const pauseMs = mayPassSoon
      ? backoffMs(options, partition.lookups, environment.random)
      : retryBackoffMaxMs;
    partition.notBeforeMs = environment.clock.monotonicMs() + pauseMs;
  }

  #questionOf(partition: AssignedPartition): OffsetQuestion {
    const { topic, partition: index } = partition;
    return { topic, partition: index, at: this.#specOf(partition) };
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

function asAsked(partition: AssignedPartition): Asked {
  return { partition, generation: partition.generation };
}

/** Whether a position is still looked for. */
function isOpen({ partition, generation }: Asked): boolean {
  return partition.generation === generation && partition.position === null;
}
