import type { Address } from "../../environment/environment.ts";
import { ERROR_CODES, type ErrorName, errorName } from "../../protocol/errors.ts";
import type { MetadataResponse } from "../../protocol/messages/03_metadata.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";

/** A broker, as clients are to reach it. */
export interface Broker extends Address {
  /** The broker's `node.id`. */
  readonly nodeId: number;
  /** Where it stands; null = it does not say. */
  readonly rack: string | null;
}

/** A partition, as far as clients need to know it. */
export interface PartitionView {
  /** From 0 on. */
  readonly partition: number;
  /** Node id of the leader; -1 = none at the moment. */
  readonly leaderId: number;
  /** -1 = unknown. */
  readonly leaderEpoch: number;
  /** Node ids of the brokers that have a copy. */
  readonly replicas: readonly number[];
  /** Node ids of those whose copy is up to date. */
  readonly inSyncReplicas: readonly number[];
}

/** A topic, as far as clients need to know it. */
export interface TopicView {
  /** Unique among the topics of the cluster. */
  readonly name: string;
  /** 22 characters of base64url; null from a broker without topic ids. */
  readonly id: string | null;
  /** Whether brokers keep their own records in it. */
  readonly isInternal: boolean;
  /** By partition number. */
  readonly partitions: readonly PartitionView[];
}

/** What a client knows of the cluster at one moment. Immutable. */
export interface ClusterView {
  readonly clusterId: string | null;
  /** Node id; -1 = none known. */
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, Broker>;
  /** By name. */
  readonly topics: ReadonlyMap<string, TopicView>;
  /** By name: why a topic that was asked for is not among them. */
  readonly errors: ReadonlyMap<string, ErrorName>;
}

/** Nothing is known yet. */
export const EMPTY_VIEW: ClusterView = {
  clusterId: null,
  controllerId: -1,
  brokers: new Map(),
  topics: new Map(),
  errors: new Map(),
};

/**
 * The view after an answer to Metadata. A partition keeps the leader that is known when the answer is older: a lower
 * leader epoch of the same topic id (KIP-320, Kafka's `Metadata.updateLatestMetadata`).
 */
export function viewAfter(known: ClusterView, answer: MetadataResponse): ClusterView {
  const topics = new Map<string, TopicView>();
  const errors = new Map<string, ErrorName>();
  for (const { name, topicId, isInternal, errorCode, partitions } of answer.topics) {
    if (name === null) continue;
    if (errorCode !== ERROR_CODES.NONE.code) {
      errors.set(name, errorName(errorCode));
      continue;
    }
    const id = topicId === ZERO_UUID ? null : topicId;
    const before = known.topics.get(name);
    const comparable = before !== undefined && before.id === id;
    const views: PartitionView[] = partitions.map((partition) => {
      const view = {
        partition: partition.partitionIndex,
        leaderId: partition.leaderId,
        leaderEpoch: partition.leaderEpoch,
        replicas: partition.replicaNodes,
        inSyncReplicas: partition.isrNodes,
      };
      const old = comparable ? before.partitions[view.partition] : undefined;
      return old && isOlder(view.leaderEpoch, old.leaderEpoch) ? old : view;
    });
    views.sort((a, b) => a.partition - b.partition);
    if (views.some(({ partition }, index) => partition !== index)) {
      throw new RangeError(`Metadata of topic ${name} does not list its partitions from 0 on`);
    }
    topics.set(name, { name, id, isInternal, partitions: views });
  }
  return {
    clusterId: answer.clusterId,
    controllerId: answer.controllerId,
    brokers: new Map(
      answer.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { nodeId, host, port, rack }]),
    ),
    topics,
    errors,
  };
}

/** What an answer to Produce or Fetch says of a partition's leader (KIP-951). */
export interface LeaderHint {
  readonly topic: string;
  readonly partition: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  /** The brokers named along with it. */
  readonly brokers: readonly Broker[];
}

/** The view after a hint: the same one if it is no news, null if it names a leader that nobody knows how to reach. */
export function viewAfterHint(known: ClusterView, hint: LeaderHint): ClusterView | null {
  const topic = known.topics.get(hint.topic);
  const partition = topic?.partitions[hint.partition];
  if (!topic || !partition || hint.leaderId < 0) return null;
  if (hint.leaderEpoch <= partition.leaderEpoch) return known;
  const brokers = new Map(known.brokers);
  for (const broker of hint.brokers) brokers.set(broker.nodeId, broker);
  if (!brokers.has(hint.leaderId)) return null;
  const partitions = topic.partitions.with(hint.partition, {
    ...partition,
    leaderId: hint.leaderId,
    leaderEpoch: hint.leaderEpoch,
  });
  const topics = new Map(known.topics).set(topic.name, { ...topic, partitions });
  return { ...known, brokers, topics };
}

/** An epoch of -1 says nothing. */
function isOlder(epoch: number, than: number): boolean {
  return epoch >= 0 && epoch < than;
}
