/**
 * Which names a topic may have. (Kafka: `org.apache.kafka.common.internals.Topic`.)
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";

/** The longest name, in characters. */
export const TOPIC_NAME_LENGTH_MAX = 249;

/** Topics that coordinators write to and clients do not. */
export const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  "__consumer_offsets",
  "__transaction_state",
]);

/** What is wrong with a name, or null. */
export function topicNameFault(name: string): string | null {
  if (name === "") return "the empty string is not allowed";
  if (name === "." || name === "..") return `'${name}' is not allowed`;
  if (name.length > TOPIC_NAME_LENGTH_MAX) {
    return `the length of '${name}' is longer than the max allowed length ${TOPIC_NAME_LENGTH_MAX}`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  }
  return null;
}

/**
 * Refuses a name that no topic may have.
 *
 * @throws KafkaError INVALID_TOPIC_EXCEPTION
 */
export function checkTopicName(name: string): void {
  const fault = topicNameFault(name);
  if (fault) throw new KafkaError("INVALID_TOPIC_EXCEPTION", `Topic name is invalid: ${fault}`);
}

/** Two names with the same form collide in metric names, where `.` becomes `_`: Kafka lets only one of them exist. */
export function collisionForm(name: string): string {
  return name.replaceAll(".", "_");
}
