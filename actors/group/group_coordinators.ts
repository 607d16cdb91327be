/**
 * The group coordinators of a broker: one per partition of `__consumer_offsets`.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { coordinatorPartition } from "../../protocol/java_hash.ts";
import { BATCH_HEADER_BYTES } from "../../protocol/records/batch_header.ts";
import type { PartitionId } from "../../storage/log/partition_log.ts";
import type { ControllerMessage } from "../controller/messages.ts";
import type { MetadataImage, TopicImage } from "../controller/metadata_image.ts";
import { spawn } from "../core/actor.ts";
import { Feed } from "../core/feed.ts";
import type { ActorRef } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";
import { groupCoordinator } from "./group_coordinator.ts";
import type { GroupHappening } from "./group_feed.ts";
import type { GroupMessage } from "./messages.ts";

/** The internal topic that holds groups and their offsets. */
export const GROUP_TOPIC = "__consumer_offsets";

/** What the coordinators of a broker are made of. */
export interface GroupCoordinatorsParts {
  readonly environment: Environment;
  readonly metadata: () => MetadataImage;
  readonly controller: ActorRef<ControllerMessage>;
  /** The actor of an existing partition. */
  readonly partition: (topicId: string, partition: number) => ActorRef<PartitionMessage>;
  /** The partitions that had data when the broker started. */
  readonly stored: Iterable<PartitionId>;
}

/** The group coordinators of a broker. */
export class GroupCoordinators {
  /** What happens to the groups. */
  readonly feed: Feed<GroupHappening> = new Feed();
  readonly #running = new Map<number, ActorRef<GroupMessage>>();
  /** Partitions with data, which take time to load. */
  readonly #stored = new Set<number>();
  #topicId: string | null = null;
  #creation: Promise<TopicImage> | null = null;
  #topics: ReadonlyMap<string, TopicImage>;

  /** Begins to load the coordinators that have data: timers run and expiry goes on without waiting for a client. */
  constructor(private readonly parts: GroupCoordinatorsParts) {
    const { topics } = parts.metadata();
    this.#topics = topics;
    const topic = topics.get(GROUP_TOPIC);
    if (!topic) return;
    this.#topicId = topic.id;
    for (const { topicId, partition } of parts.stored) {
      if (topicId === topic.id && partition < topic.partitionCount) this.#stored.add(partition);
    }
    for (const partition of this.#stored) this.#start(partition);
  }

  /** The coordinator of a group, started on first use; the topic is then created, too. Synchronous. */
  group(groupId: string): ActorRef<GroupMessage> {
    return this.#coordinator(this.#partitionOf(groupId));
  }

  /** The coordinators that may know of groups. */
  groups(): readonly ActorRef<GroupMessage>[] {
    return [...this.#running.values()];
  }

  /**
   * Makes sure that the topic is there, so that a group can be coordinated.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE when it cannot be created now
   */
  async prepareGroups(): Promise<void> {
    await this.#topic();
  }

  /** Follows the controller's metadata. */
  follow({ topics }: MetadataImage): void {
    if (topics === this.#topics) return;
    const before = this.#topics;
    this.#topics = topics;
    const id = topics.get(GROUP_TOPIC)?.id ?? null;
    if (this.#topicId !== null && id !== this.#topicId) this.#startOver();
    this.#topicId = id;
    for (const [name, topic] of before) {
      if (topics.get(name)?.id === topic.id) continue;
      for (const running of this.#running.values()) running.tell("forgetDeletedTopics", {});
      return;
    }
  }

  /** Stops every coordinator. */
  stop(): void {
    for (const running of this.#running.values()) running.stop();
    this.#running.clear();
  }

  /** The topic was deleted: what the coordinators know is no more. */
  #startOver(): void {
    this.stop();
    this.#stored.clear();
  }

  #partitionOf(groupId: string): number {
    const { topics, brokerConfig } = this.parts.metadata();
    const partitions = topics.get(GROUP_TOPIC)?.partitionCount ??
      brokerConfig.int("offsets.topic.num.partitions");
    return coordinatorPartition(groupId, partitions);
  }

  #coordinator(partition: number): ActorRef<GroupMessage> {
    return this.#running.get(partition) ?? this.#start(partition);
  }

  #start(partition: number): ActorRef<GroupMessage> {
    const { environment, metadata } = this.parts;
    const running = spawn<GroupMessage>({
      name: `group coordinator ${partition}`,
      environment,
      unavailable: "NOT_COORDINATOR",
      // What is empty is loaded at once: clients need not come again.
      refuseWhileStarting: this.#stored.has(partition) ? "COORDINATOR_LOAD_IN_PROGRESS" : undefined,
      start: async (self) => {
        const topic = await this.#topic();
        return await groupCoordinator(self, {
          environment,
          config: () => metadata().brokerConfig,
          partition: this.parts.partition(topic.id, partition),
          batchBytesMax: topic.config.maxMessageBytes - BATCH_HEADER_BYTES,
          feed: this.feed,
          topicId: (name) => metadata().topics.get(name)?.id,
        });
      },
    });
    this.#running.set(partition, running);
    return running;
  }

  async #topic(): Promise<TopicImage> {
    const topic = this.parts.metadata().topics.get(GROUP_TOPIC);
    if (topic) return topic;
    this.#creation ??= this.#create().finally(() => this.#creation = null);
    return await this.#creation;
  }

  async #create(): Promise<TopicImage> {
    const { controller, metadata } = this.parts;
    const config = metadata().brokerConfig;
    const [created] = await controller.ask("createTopics", {
      topics: [{
        name: GROUP_TOPIC,
        partitionCount: config.int("offsets.topic.num.partitions"),
        // There is one copy of everything here: what was asked for would only be in the way.
        replicationFactor: 1,
        assignments: null,
        configs: [
          { name: "cleanup.policy", value: "compact" },
          { name: "compression.type", value: "producer" },
          { name: "segment.bytes", value: String(config.int("offsets.topic.segment.bytes")) },
        ],
      }],
      validateOnly: false,
    });
    if (created.ok) return created.value;
    const existing = metadata().topics.get(GROUP_TOPIC);
    if (existing) return existing;
    throw new KafkaError(
      "COORDINATOR_NOT_AVAILABLE",
      `Topic ${GROUP_TOPIC} cannot be created: ${created.error.message}`,
    );
  }
}
