import type { MetadataImage, TopicImage } from "../actors/controller/metadata_image.ts";
import { checkTopicName } from "../actors/controller/topic_name.ts";
import { KafkaError } from "../protocol/errors.ts";

/**
 * The topic of a name.
 *
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION; INVALID_TOPIC_EXCEPTION when there can be none of that name
 */
export function topicNamed(name: string, metadata: MetadataImage): TopicImage {
  const topic = metadata.topics.get(name);
  if (topic !== undefined) return topic;
  checkTopicName(name);
  throw new KafkaError("UNKNOWN_TOPIC_OR_PARTITION");
}

/**
 * The topic of an id.
 *
 * @throws KafkaError UNKNOWN_TOPIC_ID
 */
export function topicOfId(id: string, metadata: MetadataImage): TopicImage {
  const topic = metadata.topicsById.get(id);
  if (topic === undefined) throw new KafkaError("UNKNOWN_TOPIC_ID");
  return topic;
}

/** Refuses a partition that a topic does not have: UNKNOWN_TOPIC_OR_PARTITION. */
export function checkPartition(partition: number, { partitionCount }: TopicImage): void {
  if (partition >= 0 && partition < partitionCount) return;
  throw new KafkaError("UNKNOWN_TOPIC_OR_PARTITION");
}

/** Values that are there more than once. */
export function repeated<T>(values: Iterable<T>): ReadonlySet<T> {
  const seen = new Set<T>();
  const twice = new Set<T>();
  for (const value of values) {
    if (seen.has(value)) twice.add(value);
    seen.add(value);
  }
  return twice;
}
