/**
 * The coordinators of one kind in a broker: one per partition of their internal topic.
 *
 * @module
 */
import type { BrokerConfig } from "../../config/broker_config.ts";
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { coordinatorPartition } from "../../protocol/java_hash.ts";
import type { PartitionId } from "../../storage/log/partition_log.ts";
import type { ControllerMessage } from "../controller/messages.ts";
import type { MetadataImage, TopicImage } from "../controller/metadata_image.ts";
import { spawn } from "../core/actor.ts";
import type { ActorRef, AnyMessage, Behavior, Self } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";

/** What the coordinators of a broker are made of. */
export interface CoordinatorsParts {
  readonly environment: Environment;
  readonly metadata: () => MetadataImage;
  readonly controller: ActorRef<ControllerMessage>;
  /** The actor of an existing partition. */
  readonly partition: (topicId: string, partition: number) => ActorRef<PartitionMessage>;
  /** The partitions that had data when the broker started. */
  readonly stored: Iterable<PartitionId>;
}

/** A kind of coordinator. */
export interface CoordinatorKind<M extends AnyMessage> {
  /** For logs: `group coordinator`. */
  readonly name: string;
  /** The internal topic that holds what they know. */
  readonly topic: string;
  /** What that topic is made like. */
  readonly settings: (config: BrokerConfig) => {
    readonly partitionCount: number;
    readonly segmentBytes: number;
    readonly compressionType: "producer" | "uncompressed";
  };
  /** Loads the coordinator of a partition. */
  readonly start: (self: Self, topic: TopicImage, partition: number) => Promise<Behavior<M>>;
}

/** The coordinators of one kind. */
export class Coordinators<M extends AnyMessage> {
  readonly #running = new Map<number, ActorRef<M>>();
  /** Partitions with data, which take time to load. */
  readonly #stored = new Set<number>();
  #topicId: string | null = null;
  #creation: Promise<TopicImage> | null = null;

  /** Begins to load the coordinators that have data: what they have to do does not wait for a client. */
  constructor(
    private readonly kind: CoordinatorKind<M>,
    private readonly parts: CoordinatorsParts,
  ) {
    const topic = parts.metadata().topics.get(kind.topic);
    if (!topic) return;
    this.#topicId = topic.id;
    for (const { topicId, partition } of parts.stored) {
      if (topicId === topic.id && partition < topic.partitionCount) this.#stored.add(partition);
    }
    for (const partition of this.#stored) this.#start(partition);
  }

  /** The coordinator of an id, started on first use; the topic is then created, too. Synchronous. */
  of(id: string): ActorRef<M> {
    return this.at(this.partitionOf(id));
  }

  /** The coordinator of a partition, started on first use. */
  at(partition: number): ActorRef<M> {
    return this.#running.get(partition) ?? this.#start(partition);
  }

  /** The partition of the topic that knows of an id. */
  partitionOf(id: string): number {
    const { topics, brokerConfig } = this.parts.metadata();
    const partitions = topics.get(this.kind.topic)?.partitionCount ??
      this.kind.settings(brokerConfig).partitionCount;
    return coordinatorPartition(id, partitions);
  }

  /** The coordinators that run. */
  running(): readonly ActorRef<M>[] {
    return [...this.#running.values()];
  }

  /**
   * Makes sure that the topic is there.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE when it cannot be created now
   */
  async prepare(): Promise<void> {
    await this.#topic();
  }

  /** Follows the controller's metadata: when the topic is deleted, what the coordinators know is no more. */
  follow({ topics }: MetadataImage): void {
    const id = topics.get(this.kind.topic)?.id ?? null;
    if (this.#topicId !== null && id !== this.#topicId) {
      this.stop();
      this.#stored.clear();
    }
    this.#topicId = id;
  }

  /** Stops every coordinator. */
  stop(): void {
    for (const running of this.#running.values()) running.stop();
    this.#running.clear();
  }

  #start(partition: number): ActorRef<M> {
    const running = spawn<M>({
      name: `${this.kind.name} ${partition}`,
      environment: this.parts.environment,
      unavailable: "NOT_COORDINATOR",
      // What is empty is loaded at once: clients need not come again.
      refuseWhileStarting: this.#stored.has(partition) ? "COORDINATOR_LOAD_IN_PROGRESS" : undefined,
      start: async (self) => this.kind.start(self, await this.#topic(), partition),
    });
    this.#running.set(partition, running);
    return running;
  }

  async #topic(): Promise<TopicImage> {
    const topic = this.parts.metadata().topics.get(this.kind.topic);
    if (topic) return topic;
    this.#creation ??= this.#create().finally(() => this.#creation = null);
    return await this.#creation;
  }

  async #create(): Promise<TopicImage> {
    const { controller, metadata } = this.parts;
    const { topic: name } = this.kind;
    const settings = this.kind.settings(metadata().brokerConfig);
    const [created] = await controller.ask("createTopics", {
      topics: [{
        name,
        partitionCount: settings.partitionCount,
        // There is one copy of everything here: what was asked for would only be in the way.
        replicationFactor: 1,
        assignments: null,
        configs: [
          { name: "cleanup.policy", value: "compact" },
          { name: "compression.type", value: settings.compressionType },
          { name: "segment.bytes", value: String(settings.segmentBytes) },
        ],
      }],
      validateOnly: false,
    });
    if (created.ok) return created.value;
    const existing = metadata().topics.get(name);
    if (existing) return existing;
    throw new KafkaError(
      "COORDINATOR_NOT_AVAILABLE",
      `Topic ${name} cannot be created: ${created.error.message}`,
    );
  }
}
