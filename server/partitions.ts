import type { TopicImage } from "../actors/controller/metadata_image.ts";
import type { BrokerContext } from "./broker_context.ts";

/** A partition, as Metadata and DescribeTopicPartitions tell it. */
export interface PartitionDescription {
  readonly errorCode: number;
  readonly partitionIndex: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaNodes: readonly number[];
  readonly isrNodes: readonly number[];
  readonly offlineReplicas: readonly number[];
}

/**
 * Partitions `from` to `end` (not included) of a topic. This broker leads them all; where more copies were asked for and
 * that is accepted (`odradek.accept.any.replication.factor`), it is named as often, in sync with itself.
 */
export function partitionsOf(
  { id, partitionCount, replicationFactor }: TopicImage,
  { nodeId, leaderEpoch }: Pick<BrokerContext, "nodeId" | "leaderEpoch">,
  from = 0,
  end = partitionCount,
): PartitionDescription[] {
  const replicas: readonly number[] = new Array<number>(replicationFactor).fill(nodeId);
  const partitions: PartitionDescription[] = [];
  for (let partitionIndex = from; partitionIndex < end; partitionIndex++) {
    partitions.push({
      errorCode: 0,
      partitionIndex,
      leaderId: nodeId,
      leaderEpoch: leaderEpoch(id, partitionIndex),
      replicaNodes: replicas,
      isrNodes: replicas,
      offlineReplicas: [],
    });
  }
  return partitions;
}
