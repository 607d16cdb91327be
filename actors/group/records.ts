/**
 * The records of groups in `__consumer_offsets`, in the versions that Kafka 4.3 writes. (Kafka:
 * `GroupCoordinatorRecordHelpers`.)
 *
 * @module
 */
import {
  groupMetadataKey,
  type GroupMetadataValue,
  groupMetadataValue,
  legacyOffsetCommitKey,
  offsetCommitKey,
  offsetCommitValue,
} from "../../protocol/messages/records/classic_group.ts";
import {
  decodeRecordKey,
  decodeVersioned,
  type Draft,
  encodeRecordKey,
  encodeVersioned,
  recordTypeOf,
} from "../../protocol/schema/mod.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import { encodable } from "../coordinator/encodable.ts";
import type { TopicPartition } from "./messages.ts";
import { OFFSET_COMMIT_VERSION, offsetKeyBytes, offsetValueBytes } from "./offset_record_writer.ts";

const GROUP_METADATA_VERSION = 3;
/** Only this one can say when an offset expires. */
const OFFSET_COMMIT_VERSION_WITH_EXPIRY = 1;

/** An offset as committed. */
export interface CommittedOffset {
  readonly offset: bigint;
  /** -1 = unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: number;
  /** When it expires, if the client said so; null = as configured. */
  readonly expireTimestampMs: number | null;
  readonly topicId: string;
}

/** What a record says. */
export type GroupRecord =
  | {
    readonly kind: "offset";
    readonly group: string;
    readonly place: TopicPartition;
    /** null = no more. */
    readonly committed: CommittedOffset | null;
  }
  | {
    readonly kind: "group";
    readonly group: string;
    /** null = deleted. */
    readonly value: GroupMetadataValue | null;
  };

/**
 * The record of a committed offset.
 *
 * @throws KafkaError INVALID_REQUEST when a record cannot say it
 */
export function offsetRecord(
  group: string,
  place: TopicPartition,
  committed: CommittedOffset,
): Decision {
  return encodable(() => ({
    key: offsetKey(group, place),
    value: offsetValueBytes(committed) ?? offsetValueBySchema(committed),
  }));
}

/** The record that takes a committed offset back. */
export function offsetTombstone(group: string, place: TopicPartition): Decision {
  return { key: offsetKey(group, place), value: null };
}

function offsetKey(group: string, place: TopicPartition): Uint8Array {
  return offsetKeyBytes(group, place) ?? offsetKeyBySchema(group, place);
}

/** The key of a committed offset, whatever it says. */
export function offsetKeyBySchema(
  group: string,
  { topic, partition }: TopicPartition,
): Uint8Array {
  return encodeRecordKey(offsetCommitKey, { group, topic, partition });
}

/** The value of a committed offset, whatever it says. */
export function offsetValueBySchema(committed: CommittedOffset): Uint8Array {
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs, topicId } =
    committed;
  const expires = expireTimestampMs !== null;
  const version = expires ? OFFSET_COMMIT_VERSION_WITH_EXPIRY : OFFSET_COMMIT_VERSION;
  return encodeVersioned(offsetCommitValue, version, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: BigInt(commitTimestampMs),
    expireTimestamp: BigInt(expireTimestampMs ?? -1),
    topicId,
  });
}

/**
 * The record of a group's generation.
 *
 * @throws KafkaError INVALID_REQUEST when a record cannot say it
 */
export function groupRecord(group: string, value: Draft<typeof groupMetadataValue>): Decision {
  return encodable(() => ({
    key: encodeRecordKey(groupMetadataKey, { group }),
    value: encodeVersioned(groupMetadataValue, GROUP_METADATA_VERSION, value),
  }));
}

/** The record that ends a group. */
export function groupTombstone(group: string): Decision {
  return { key: encodeRecordKey(groupMetadataKey, { group }), value: null };
}

/** What a record says; null for one of a kind that is not known here: a newer version may have written it. */
export function readGroupRecord({ key, value }: Decision): GroupRecord | null {
  switch (recordTypeOf(key)) {
    case legacyOffsetCommitKey.recordType:
    case offsetCommitKey.recordType: {
      const schema = recordTypeOf(key) === offsetCommitKey.recordType
        ? offsetCommitKey
        : legacyOffsetCommitKey;
      const { group, topic, partition } = decodeRecordKey(schema, key);
      const committed = value === null ? null : readOffset(value);
      return { kind: "offset", group, place: { topic, partition }, committed };
    }
    case groupMetadataKey.recordType:
      return {
        kind: "group",
        group: decodeRecordKey(groupMetadataKey, key).group,
        value: value === null ? null : ownValue(decodeVersioned(groupMetadataValue, value)),
      };
    default:
      return null;
  }
}

function readOffset(value: Uint8Array): CommittedOffset {
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp, topicId } =
    decodeVersioned(
      offsetCommitValue,
      value,
    );
  return {
    offset,
    leaderEpoch,
    metadata,
    commitTimestampMs: Number(commitTimestamp),
    expireTimestampMs: expireTimestamp < 0n ? null : Number(expireTimestamp),
    topicId,
  };
}

/** The value with bytes of its own: the record that it was read from is not kept alive by it. */
function ownValue(value: GroupMetadataValue): GroupMetadataValue {
  return {
    ...value,
    members: value.members.map((member) => ({
      ...member,
      subscription: member.subscription.slice(),
      assignment: member.assignment.slice(),
    })),
  };
}
