/** One partition of a topic. */
export interface TopicPartition {
  /** Name of the topic. */
  readonly topic: string;
  /** From 0 on. */
  readonly partition: number;
}

/** `orders-3`: what messages call a partition, and a key that no other partition has. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Partitions, or anything that has one, by topic: the form in which requests list them. */
export function byTopic<T extends TopicPartition>(items: Iterable<T>): Map<string, T[]> {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list) list.push(item);
    else topics.set(item.topic, [item]);
  }
  return topics;
}

/** Those of some partitions that are among others. */
export function intersection<T extends TopicPartition>(
  some: readonly T[],
  others: readonly TopicPartition[],
): T[] {
  const keys = new Set(others.map(partitionKey));
  return some.filter((target) => keys.has(partitionKey(target)));
}

/** Those of some partitions that are not among others. */
export function without<T extends TopicPartition>(
  some: readonly T[],
  others: readonly TopicPartition[],
): T[] {
  const keys = new Set(others.map(partitionKey));
  return some.filter((target) => !keys.has(partitionKey(target)));
}
