/**
 * What the members of a classic consumer group tell each other by way of the broker, which does not read it.
 * Source: `org.apache.kafka.clients.consumer.internals.ConsumerProtocol`.
 *
 * @module
 */
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from "../messages/consumer_protocol.ts";
import {
  encodeVersioned,
  type Infer,
  Reader,
  readMessage,
  readMessageStart,
  type Schema,
} from "../schema/mod.ts";
import type { GroupMember, TopicPartitions } from "./assignor.ts";

/** The `protocolType` of groups whose members talk so. */
export const CONSUMER_PROTOCOL_TYPE = "consumer";

/** What a subscription says of its member. */
export type Subscription = Omit<GroupMember, "memberId" | "groupInstanceId">;

/** What the leader assigned to a member. */
export interface MemberAssignment {
  readonly partitions: readonly TopicPartitions[];
  /** What the assignor has to say. */
  readonly userData: Uint8Array | null;
}

/** Encodes a member's subscription in the newest version. */
export function encodeSubscription(subscription: Subscription): Uint8Array {
  const { topics, userData, ownedPartitions, generationId, rackId } = subscription;
  const version = consumerProtocolSubscription.versions.max;
  return encodeVersioned(consumerProtocolSubscription, version, {
    topics,
    userData,
    ownedPartitions,
    generationId,
    rackId,
  });
}

/**
 * Decodes a member's subscription. What a newer version has behind the fields that are known here is passed over.
 *
 * @throws {RangeError} when it is malformed
 */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const { topics, userData, ownedPartitions, generationId, rackId } = decodeTolerantly(
    consumerProtocolSubscription,
    bytes,
  );
  return { topics, userData, ownedPartitions, generationId, rackId };
}

/** Encodes what a member is given, in the newest version. */
export function encodeAssignment({ partitions, userData }: MemberAssignment): Uint8Array {
  const version = consumerProtocolAssignment.versions.max;
  return encodeVersioned(consumerProtocolAssignment, version, {
    assignedPartitions: partitions,
    userData,
  });
}

/**
 * Decodes what a member is given. No bytes at all are no partitions: what a leader leaves to a member that it does not
 * know.
 *
 * @throws {RangeError} when it is malformed
 */
export function decodeAssignment(bytes: Uint8Array): MemberAssignment {
  if (bytes.length === 0) return { partitions: [], userData: null };
  const { assignedPartitions, userData } = decodeTolerantly(consumerProtocolAssignment, bytes);
  return { partitions: assignedPartitions, userData };
}

/** Reads what it knows: a newer version only has more behind it. */
function decodeTolerantly<S extends Schema>(schema: S, bytes: Uint8Array): Infer<S> {
  const reader = new Reader(bytes);
  const version = reader.int16();
  const { min, max } = schema.versions;
  if (version < min) throw new RangeError(`Cannot decode ${schema.name} v${version}`);
  return version > max
    ? readMessageStart(reader, schema, max)
    : readMessage(reader, schema, version);
}
