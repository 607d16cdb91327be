/**
 * Which topics may be created and grown. (Kafka: `ReplicationControlManager`.)
 *
 * @module
 */
import type { BrokerConfig } from "../../config/broker_config.ts";
import {
  checkMinInsyncReplicas,
  checkReplicationFactor,
  defaultReplicationFactor,
  REPLICATION_FACTOR_MAX,
} from "../../config/copies.ts";
import { checkTopicOverrides } from "../../config/topic_config.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { StoredTopic } from "../../storage/metadata/metadata.ts";
import type { NewPartitions, NewTopic } from "./messages.ts";
import { type MetadataImage, storedTopic } from "./metadata_image.ts";
import { checkTopicName, collisionForm } from "./topic_name.ts";

/** Most partitions that one request may add, to all topics together. (Kafka: `MAX_PARTITIONS_PER_BATCH`.) */
export const PARTITIONS_ADDED_MAX = 10_000;

/**
 * Checks a topic that is to be created.
 *
 * @throws KafkaError as Kafka's controller: INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS,
 * INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT, INVALID_REQUEST, INVALID_CONFIG.
 */
export function checkNewTopic(
  wanted: NewTopic,
  seen: MetadataImage,
  nodeId: number,
): Omit<StoredTopic, "id"> {
  const { name } = wanted;
  checkTopicName(name);
  if (seen.topics.has(name)) {
    throw new KafkaError("TOPIC_ALREADY_EXISTS", `Topic '${name}' already exists.`);
  }
  const twin = seen.collisionForms.get(collisionForm(name));
  if (twin !== undefined) {
    throw new KafkaError(
      "INVALID_TOPIC_EXCEPTION",
      `Topic '${name}' collides with existing topic: ${twin}`,
    );
  }
  const { partitionCount, replicationFactor } = wanted.assignments
    ? placedByHand(wanted, wanted.assignments, seen.brokerConfig, nodeId)
    : placed(wanted, seen.brokerConfig);
  const overrides = new Map<string, string>();
  for (const { name, value } of wanted.configs) {
    if (value === null) {
      throw new KafkaError("INVALID_CONFIG", `Null value not supported for topic configs: ${name}`);
    }
    overrides.set(name, value);
  }
  checkTopicOverrides(overrides);
  checkMinInsyncReplicas(overrides, seen.brokerConfig);
  return { name, partitionCount, replicationFactor, overrides };
}

function placed({ partitionCount, replicationFactor }: NewTopic, broker: BrokerConfig) {
  if (partitionCount < -1 || partitionCount === 0) {
    throw new KafkaError(
      "INVALID_PARTITIONS",
      "Number of partitions was set to an invalid non-positive value.",
    );
  }
  if (replicationFactor !== -1) checkReplicationFactor(replicationFactor, broker);
  return {
    partitionCount: partitionCount === -1 ? broker.int("num.partitions") : partitionCount,
    replicationFactor: replicationFactor === -1
      ? defaultReplicationFactor(broker)
      : replicationFactor,
  };
}

function placedByHand(
  wanted: NewTopic,
  assignments: NonNullable<NewTopic["assignments"]>,
  broker: BrokerConfig,
  nodeId: number,
) {
  if (wanted.partitionCount !== -1) {
    throw new KafkaError(
      "INVALID_REQUEST",
      "A manual partition assignment was specified, but numPartitions was not set to -1.",
    );
  }
  if (wanted.replicationFactor !== -1) {
    throw new KafkaError(
      "INVALID_REQUEST",
      "A manual partition assignment was specified, but replication factor was not set to -1.",
    );
  }
  const indexes = new Set(assignments.map(({ partition }) => partition));
  if (indexes.size !== assignments.length) {
    throw new KafkaError(
      "INVALID_REPLICA_ASSIGNMENT",
      "Found multiple manual partition assignments for one partition",
    );
  }
  for (let index = 0; index < assignments.length; index++) {
    if (!indexes.has(index)) {
      throw new KafkaError(
        "INVALID_REPLICA_ASSIGNMENT",
        "partitions should be a consecutive 0-based integer sequence",
      );
    }
  }
  for (const { brokerIds } of assignments) checkReplicas(brokerIds, broker, nodeId);
  return {
    partitionCount: assignments.length,
    replicationFactor: assignments[0]?.brokerIds.length ?? 1,
  };
}

function checkReplicas(brokerIds: readonly number[], broker: BrokerConfig, nodeId: number): void {
  if (brokerIds.length === 0) {
    throw new KafkaError(
      "INVALID_REPLICA_ASSIGNMENT",
      "The manual partition assignment includes an empty replica list.",
    );
  }
  if (brokerIds.length > REPLICATION_FACTOR_MAX) {
    throw new KafkaError(
      "INVALID_REPLICA_ASSIGNMENT",
      `The manual partition assignment includes ${brokerIds.length} brokers; ` +
        `the limit is ${REPLICATION_FACTOR_MAX}.`,
    );
  }
  const twice = firstRepeated(brokerIds);
  if (twice !== undefined) {
    throw new KafkaError(
      "INVALID_REPLICA_ASSIGNMENT",
      `The manual partition assignment includes the broker ${twice} more than once.`,
    );
  }
  const stranger = brokerIds.find((id) => id !== nodeId);
  if (stranger !== undefined && !broker.boolean("odradek.accept.any.replication.factor")) {
    throw new KafkaError(
      "INVALID_REPLICA_ASSIGNMENT",
      `The manual partition assignment includes broker ${stranger}, but no such broker is registered.`,
    );
  }
}

function firstRepeated(brokerIds: readonly number[]): number | undefined {
  const seen = new Set<number>();
  for (const id of brokerIds) {
    if (seen.has(id)) return id;
    seen.add(id);
  }
}

/**
 * Checks how many partitions the topics of one request would have together, those included that will be refused for
 * another reason. (Kafka: `ReplicationControlManager.validateTotalNumberOfPartitions`.)
 *
 * @throws KafkaError POLICY_VIOLATION, for the request as a whole.
 */
export function checkPartitionsWanted(topics: readonly NewTopic[], broker: BrokerConfig): void {
  let count = 0;
  for (const { assignments, partitionCount } of topics) {
    if (assignments) count += assignments.length;
    else if (partitionCount === -1) count += broker.int("num.partitions");
    else count += Math.max(0, partitionCount);
  }
  checkPartitionsAdded(count);
}

/** @throws KafkaError POLICY_VIOLATION when one request adds more partitions than it may. */
export function checkPartitionsAdded(count: number): void {
  if (count > PARTITIONS_ADDED_MAX) {
    throw new KafkaError(
      "POLICY_VIOLATION",
      `Excessively large number of partitions per request: ${count}; the limit is ${PARTITIONS_ADDED_MAX}.`,
    );
  }
}

/**
 * Checks partitions that are to be added to a topic.
 *
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT
 */
export function checkNewPartitions(
  wanted: NewPartitions,
  seen: MetadataImage,
  nodeId: number,
): StoredTopic {
  const topic = seen.topics.get(wanted.name);
  if (!topic) {
    throw new KafkaError(
      "UNKNOWN_TOPIC_OR_PARTITION",
      "This server does not host this topic-partition.",
    );
  }
  const { name, partitionCount } = topic;
  if (wanted.partitionCount === partitionCount) {
    throw new KafkaError("INVALID_PARTITIONS", `Topic already has ${partitionCount} partition(s).`);
  }
  if (wanted.partitionCount < partitionCount) {
    throw new KafkaError(
      "INVALID_PARTITIONS",
      `The topic ${name} currently has ${partitionCount} partition(s); ${wanted.partitionCount} would not be an increase.`,
    );
  }
  const added = wanted.partitionCount - partitionCount;
  if (wanted.assignments) {
    if (wanted.assignments.length !== added) {
      throw new KafkaError(
        "INVALID_REPLICA_ASSIGNMENT",
        `Attempted to add ${added} additional partition(s), but only ${wanted.assignments.length} assignment(s) were specified.`,
      );
    }
    for (const brokerIds of wanted.assignments) checkReplicas(brokerIds, seen.brokerConfig, nodeId);
  }
  return { ...storedTopic(topic), partitionCount: wanted.partitionCount };
}
