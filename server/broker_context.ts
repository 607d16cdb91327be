/**
 * What the server sees of the broker behind it: enough to answer every API, nothing more.
 *
 * @module
 */
import type { ControllerMessage } from "../actors/controller/messages.ts";
import type { MetadataImage } from "../actors/controller/metadata_image.ts";
import type { ActorRef } from "../actors/core/message.ts";
import type { GroupMessage } from "../actors/group/messages.ts";
import type { PartitionMessage } from "../actors/partition/messages.ts";
import type { TransactionMessage } from "../actors/transaction/messages.ts";
import type { BrokerConfig } from "../config/broker_config.ts";
import type { Environment } from "../environment/environment.ts";

/** The coordinators of a broker. */
export interface Coordinators {
  /** The coordinator of a group, started on first use. Synchronous. */
  group(groupId: string): ActorRef<GroupMessage>;
  /** Every group coordinator that may know of groups. */
  groups(): readonly ActorRef<GroupMessage>[];
  /**
   * Makes sure that groups can be coordinated: the first time, that their internal topic exists.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE
   */
  prepareGroups(): Promise<void>;
  /** The coordinator of the groups in a partition of `__consumer_offsets`. */
  groupsAt(partition: number): ActorRef<GroupMessage>;
  /** The partition of `__consumer_offsets` that holds a group. */
  groupPartition(groupId: string): number;
  /** The coordinator of a transactional id, started on first use. Synchronous. */
  transaction(transactionalId: string): ActorRef<TransactionMessage>;
  /** Every transaction coordinator that may know of transactional ids. */
  transactions(): readonly ActorRef<TransactionMessage>[];
  /**
   * Makes sure that transactions can be coordinated: the first time, that their internal topic exists.
   *
   * @throws KafkaError COORDINATOR_NOT_AVAILABLE
   */
  prepareTransactions(): Promise<void>;
}

/** The place where a broker keeps its logs. */
export interface LogDir {
  /** The path of the data folder, or `memory:`. */
  readonly name: string;
  /** Bytes of record batches that a partition has stored. Synchronous. */
  sizeBytes(topicId: string, partition: number): number;
  /** Free bytes of the disk; null when it cannot be told. */
  freeBytes(): Promise<number | null>;
}

/** What the server sees of the broker behind it. */
export interface BrokerContext {
  readonly environment: Environment;
  readonly nodeId: number;
  /** The settings in force now, dynamic ones included. */
  readonly config: () => BrokerConfig;
  /** The current metadata. A value: keep it for the whole of a request. */
  readonly metadata: () => MetadataImage;
  readonly controller: ActorRef<ControllerMessage>;
  /**
   * The actor of an existing partition, started on first use. Synchronous, so that Produce requests enter the mailboxes
   * in order of arrival. The caller has checked topic and partition against `metadata()`.
   */
  readonly partition: (topicId: string, partition: number) => ActorRef<PartitionMessage>;
  /** The coordinators of groups and of transactions. */
  readonly coordinators: Coordinators;
  /** Leader epoch of a partition, as Metadata tells it. Synchronous. */
  readonly leaderEpoch: (topicId: string, partition: number) => number;
  readonly logDir: LogDir;
}
