import type { TopicPartition } from "../topic_partition.ts";

/**
 * Is told as partitions come and go, from within `poll`, which waits for it. Inside of it the consumer may commit and seek.
 * Names as in Kafka's `ConsumerRebalanceListener`.
 */
export interface RebalanceListener {
  /** These come in addition; with none in a rebalance that brought nothing. */
  onPartitionsAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>;
  /** These go to other members afterwards: the time to commit. */
  onPartitionsRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>;
  /** These went to other members already, as the group has given this one up. Default: {@linkcode onPartitionsRevoked}. */
  onPartitionsLost?(partitions: readonly TopicPartition[]): void | Promise<void>;
}
