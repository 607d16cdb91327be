/**
 * The transaction coordinators of a broker: one per partition of `__transaction_state`.
 *
 * @module
 */
import { BATCH_HEADER_BYTES } from "../../protocol/records/batch_header.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { MetadataImage } from "../controller/metadata_image.ts";
import { Coordinators, type CoordinatorsParts } from "../coordinator/coordinators.ts";
import { Feed } from "../core/feed.ts";
import type { ActorRef } from "../core/message.ts";
import { GROUP_TOPIC } from "../group/group_coordinators.ts";
import type { GroupMessage } from "../group/messages.ts";
import type { TransactionHappening } from "./transaction_feed.ts";
import type { Marker } from "./markers.ts";
import type { TransactionMessage } from "./messages.ts";
import { transactionCoordinator } from "./transaction_coordinator.ts";

/** The internal topic that holds transactional ids. */
export const TRANSACTION_TOPIC = "__transaction_state";

/** What the coordinators of a broker are made of. */
export interface TransactionCoordinatorsParts extends CoordinatorsParts {
  /** The coordinator of the groups in a partition of `__consumer_offsets`. */
  readonly groupsAt: (partition: number) => ActorRef<GroupMessage>;
  /** A producer id that nobody has had yet. */
  readonly nextProducerId: () => Promise<bigint>;
}

/** The transaction coordinators of a broker. */
export class TransactionCoordinators {
  /** What happens to transactions. */
  readonly feed: Feed<TransactionHappening> = new Feed();
  readonly #coordinators: Coordinators<TransactionMessage>;

  /** Begins to load the coordinators that have data: what was decided is brought to its end without waiting for a client. */
  constructor(private readonly parts: TransactionCoordinatorsParts) {
    const { environment, metadata, partition, nextProducerId } = parts;
    this.#coordinators = new Coordinators({
      name: "transaction coordinator",
      topic: TRANSACTION_TOPIC,
      settings: (config) => ({
        partitionCount: config.int("transaction.state.log.num.partitions"),
        segmentBytes: config.int("transaction.state.log.segment.bytes"),
        compressionType: "uncompressed",
      }),
      start: (self, topic, index) =>
        transactionCoordinator(self, {
          environment,
          config: () => metadata().brokerConfig,
          partition: partition(topic.id, index),
          batchBytesMax: topic.config.maxMessageBytes - BATCH_HEADER_BYTES,
          feed: this.feed,
          nextProducerId,
          tell: (topic, partition, marker) => this.#tell(topic, partition, marker),
        }),
    }, parts);
  }

  /** The coordinator of a transactional id, started on first use; the topic is then created, too. Synchronous. */
  transaction(transactionalId: string): ActorRef<TransactionMessage> {
    return this.#coordinators.of(transactionalId);
  }

  /** The coordinators that may know of transactional ids. */
  transactions(): readonly ActorRef<TransactionMessage>[] {
    return this.#coordinators.running();
  }

  /**
   * Makes sure that the topic is there, so that transactions can be coordinated.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE when it cannot be created now
   */
  prepareTransactions(): Promise<void> {
    return this.#coordinators.prepare();
  }

  /** Follows the controller's metadata. */
  follow(image: MetadataImage): void {
    this.#coordinators.follow(image);
  }

  /** Stops every coordinator. */
  stop(): void {
    this.#coordinators.stop();
  }

  /** What was committed for groups is the groups' coordinator's to write; other partitions are told themselves. */
  async #tell(name: string, partition: number, marker: Marker): Promise<void> {
    const topic = this.parts.metadata().topics.get(name);
    if (!topic || partition >= topic.partitionCount) return;
    if (name === GROUP_TOPIC) {
      return await this.parts.groupsAt(partition).ask("endTransaction", marker);
    }
    try {
      await this.parts.partition(topic.id, partition).ask("writeMarker", marker);
    } catch (error) {
      const isGone = error instanceof KafkaError && error.kind === "UNKNOWN_TOPIC_OR_PARTITION";
      if (!isGone) throw error;
    }
  }
}
