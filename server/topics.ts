import type { MetadataImage, TopicImage } from "../actors/controller/metadata_image.ts";
import { checkTopicName } from "../actors/controller/topic_name.ts";
import { KafkaError } from "../protocol/errors.ts";

/**
 * Deno takes some 20 µs to make an error, and a request can name a million topics and partitions that are not there: one
 * error does for all of them.
 */
const UNKNOWN = new KafkaError("UNKNOWN_TOPIC_OR_PARTITION");
const UNKNOWN_ID = new KafkaError("UNKNOWN_TOPIC_ID");

/**
 * The topic of a name.
 *
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION; INVALID_TOPIC_EXCEPTION when there can be none of that name
 */
export function topicNamed(name: string, metadata: MetadataImage): TopicImage {
  const topic = metadata.topics.get(name);
  if (topic !== undefined) return topic;
  checkTopicName(name);
  throw UNKNOWN;
}

/**
 * The topic of an id.
 *
 * @throws KafkaError UNKNOWN_TOPIC_ID
 */
export function topicOfId(id: string, metadata: MetadataImage): TopicImage {
  const topic = metadata.topicsById.get(id);
  if (topic === undefined) throw UNKNOWN_ID;
  return topic;
}

/**
 * Refuses a partition that a topic does not have.
 *
 * @returns the topic
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION
 */
export function checkPartition(partition: number, topic: TopicImage): TopicImage {
  if (partition >= 0 && partition < topic.partitionCount) return topic;
  throw UNKNOWN;
}

/** Looks for something now; what comes back returns what was found, or throws the error, as often as it is asked. */
export function lookedUp<T>(find: () => T): () => T {
  try {
    const found = find();
    return () => found;
  } catch (error) {
    return () => {
      throw error;
    };
  }
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
