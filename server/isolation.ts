import type { Isolation } from "../actors/partition/messages.ts";
import { KafkaError } from "../protocol/errors.ts";

/**
 * The isolation level of a number on the wire.
 *
 * @throws KafkaError INVALID_REQUEST
 */
export function isolationOf(level: number): Isolation {
  if (level === 0) return "read_uncommitted";
  if (level === 1) return "read_committed";
  throw new KafkaError("INVALID_REQUEST", `There is no isolation level ${level}`);
}
