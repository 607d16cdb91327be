/**
 * All coordinators of a broker: of groups, and of transactions.
 *
 * @module
 */
import type { MetadataImage } from "../controller/metadata_image.ts";
import { ProducerIds } from "../controller/producer_ids.ts";
import type { Feed } from "../core/feed.ts";
import type { ActorRef } from "../core/message.ts";
import { GroupCoordinators } from "../group/group_coordinators.ts";
import type { GroupHappening } from "../group/group_feed.ts";
import type { GroupMessage } from "../group/messages.ts";
import type { TransactionHappening } from "../transaction/transaction_feed.ts";
import type { TransactionMessage } from "../transaction/messages.ts";
import { TransactionCoordinators } from "../transaction/transaction_coordinators.ts";
import type { CoordinatorsParts } from "./coordinators.ts";

/** All coordinators of a broker. */
export class BrokerCoordinators {
  readonly #groups: GroupCoordinators;
  readonly #transactions: TransactionCoordinators;

  /** Begins to load those that have data. */
  constructor(parts: CoordinatorsParts) {
    const stored = [...parts.stored];
    const producerIds = new ProducerIds(parts.controller);
    this.#groups = new GroupCoordinators({ ...parts, stored });
    this.#transactions = new TransactionCoordinators({
      ...parts,
      stored,
      groupsAt: (partition) => this.#groups.groupsAt(partition),
      nextProducerId: () => producerIds.next(),
    });
  }

  /** What happens to groups. */
  get groupFeed(): Feed<GroupHappening> {
    return this.#groups.feed;
  }

  /** What happens to transactions. */
  get transactionFeed(): Feed<TransactionHappening> {
    return this.#transactions.feed;
  }

  /** The coordinator of a group, started on first use; the topic is then created, too. Synchronous. */
  group(groupId: string): ActorRef<GroupMessage> {
    return this.#groups.group(groupId);
  }

  /** The coordinators that may know of groups. */
  groups(): readonly ActorRef<GroupMessage>[] {
    return this.#groups.groups();
  }

  /** The coordinator of the groups in a partition of `__consumer_offsets`. */
  groupsAt(partition: number): ActorRef<GroupMessage> {
    return this.#groups.groupsAt(partition);
  }

  /** The partition of `__consumer_offsets` that holds a group. */
  groupPartition(groupId: string): number {
    return this.#groups.groupPartition(groupId);
  }

  /**
   * Makes sure that groups can be coordinated.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE
   */
  prepareGroups(): Promise<void> {
    return this.#groups.prepareGroups();
  }

  /** The coordinator of a transactional id, started on first use; the topic is then created, too. Synchronous. */
  transaction(transactionalId: string): ActorRef<TransactionMessage> {
    return this.#transactions.transaction(transactionalId);
  }

  /** The coordinators that may know of transactional ids. */
  transactions(): readonly ActorRef<TransactionMessage>[] {
    return this.#transactions.transactions();
  }

  /**
   * Makes sure that transactions can be coordinated.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE
   */
  prepareTransactions(): Promise<void> {
    return this.#transactions.prepareTransactions();
  }

  /** Follows the controller's metadata. */
  follow(image: MetadataImage): void {
    this.#groups.follow(image);
    this.#transactions.follow(image);
  }

  /** Stops every coordinator. */
  stop(): void {
    this.#transactions.stop();
    this.#groups.stop();
  }
}
