/**
 * The group coordinators of a broker: one per partition of `__consumer_offsets`.
 *
 * @module
 */
import { BATCH_HEADER_BYTES } from "../../protocol/records/batch_header.ts";
import type { MetadataImage, TopicImage } from "../controller/metadata_image.ts";
import { Coordinators, type CoordinatorsParts } from "../coordinator/coordinators.ts";
import { Feed } from "../core/feed.ts";
import type { ActorRef } from "../core/message.ts";
import { groupCoordinator } from "./group_coordinator.ts";
import type { GroupHappening } from "./group_feed.ts";
import type { GroupMessage } from "./messages.ts";

/** The internal topic that holds groups and their offsets. */
export const GROUP_TOPIC = "__consumer_offsets";

/** The group coordinators of a broker. */
export class GroupCoordinators {
  /** What happens to the groups. */
  readonly feed: Feed<GroupHappening> = new Feed();
  readonly #coordinators: Coordinators<GroupMessage>;
  #topics: ReadonlyMap<string, TopicImage>;

  /** Begins to load the coordinators that have data: timers run and expiry goes on without waiting for a client. */
  constructor(parts: CoordinatorsParts) {
    const { environment, metadata } = parts;
    this.#topics = metadata().topics;
    this.#coordinators = new Coordinators({
      name: "group coordinator",
      topic: GROUP_TOPIC,
      settings: (config) => ({
        partitionCount: config.int("offsets.topic.num.partitions"),
        segmentBytes: config.int("offsets.topic.segment.bytes"),
        compressionType: "producer",
      }),
      start: (self, topic, partition) =>
        groupCoordinator(self, {
          environment,
          config: () => metadata().brokerConfig,
          partition: parts.partition(topic.id, partition),
          batchBytesMax: topic.config.maxMessageBytes - BATCH_HEADER_BYTES,
          feed: this.feed,
          topicId: (name) => metadata().topics.get(name)?.id,
        }),
    }, parts);
  }

  /** The coordinator of a group, started on first use; the topic is then created, too. Synchronous. */
  group(groupId: string): ActorRef<GroupMessage> {
    return this.#coordinators.of(groupId);
  }

  /** The coordinator of a partition of the topic. */
  groupsAt(partition: number): ActorRef<GroupMessage> {
    return this.#coordinators.at(partition);
  }

  /** The partition of the topic that holds a group. */
  groupPartition(groupId: string): number {
    return this.#coordinators.partitionOf(groupId);
  }

  /** The coordinators that may know of groups. */
  groups(): readonly ActorRef<GroupMessage>[] {
    return this.#coordinators.running();
  }

  /**
   * Makes sure that the topic is there, so that a group can be coordinated.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE when it cannot be created now
   */
  prepareGroups(): Promise<void> {
    return this.#coordinators.prepare();
  }

  /** Follows the controller's metadata. */
  follow(image: MetadataImage): void {
    const { topics } = image;
    if (topics === this.#topics) return;
    const before = this.#topics;
    this.#topics = topics;
    this.#coordinators.follow(image);
    for (const [name, topic] of before) {
      if (topics.get(name)?.id === topic.id) continue;
      for (const running of this.groups()) running.tell("forgetDeletedTopics", {});
      return;
    }
  }

  /** Stops every coordinator. */
  stop(): void {
    this.#coordinators.stop();
  }
}
