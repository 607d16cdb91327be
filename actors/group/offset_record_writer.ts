/**
 * Writes the records of committed offsets, as `offset_record_reader.ts` reads them: there is one for each commit, and the
 * schemas' way, over buffers that grow, takes several times as long.
 *
 * @module
 */
import { offsetCommitKey } from "../../protocol/messages/records/classic_group.ts";
import { putBigInt64, putInt16, putInt32, putInt64 } from "../../protocol/records/big_endian.ts";
import { uuidToBytes, ZERO_UUID } from "../../protocol/uuid.ts";
import type { TopicPartition } from "./messages.ts";
import type { CommittedOffset } from "./records.ts";

/** The version of committed offsets that is written, but for those that say when they expire. */
export const OFFSET_COMMIT_VERSION = 4;
/** Longer texts are left to the schemas: their lengths take more bytes, and may be too much. */
const TEXT_UNITS_MAX = 255;
const METADATA_BYTES_MAX = 126;
const TOPIC_ID_BYTES = 19;
const INT64_MAX = 2n ** 63n - 1n;

const encoder = new TextEncoder();

/** The key of a committed offset's record; null when it is left to the schema. */
export function offsetKeyBytes(
  group: string,
  { topic, partition }: TopicPartition,
): Uint8Array | null {
  if (group.length > TEXT_UNITS_MAX || topic.length > TEXT_UNITS_MAX) return null;
  if (partition !== (partition | 0)) return null;
  const groupBytes = textBytes(group);
  const topicBytes = textBytes(topic);
  const key = new Uint8Array(10 + groupBytes + topicBytes);
  putInt16(key, 0, offsetCommitKey.recordType!);
  putInt16(key, 2, groupBytes);
  putText(key, 4, group, groupBytes);
  const topicAt = 4 + groupBytes;
  putInt16(key, topicAt, topicBytes);
  putText(key, topicAt + 2, topic, topicBytes);
  putInt32(key, topicAt + 2 + topicBytes, partition);
  return key;
}

/** The value of a committed offset's record; null when it is left to the schema. */
export function offsetValueBytes(committed: CommittedOffset): Uint8Array | null {
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs, topicId } =
    committed;
  if (expireTimestampMs !== null || metadata.length > METADATA_BYTES_MAX) return null;
  const metadataBytes = textBytes(metadata);
  if (metadataBytes > METADATA_BYTES_MAX || !fits(committed)) return null;
  const named = topicId !== ZERO_UUID;
  const value = new Uint8Array(24 + metadataBytes + (named ? TOPIC_ID_BYTES - 1 : 0));
  putInt16(value, 0, OFFSET_COMMIT_VERSION);
  putBigInt64(value, 2, offset);
  putInt32(value, 10, leaderEpoch);
  value[14] = metadataBytes + 1;
  putText(value, 15, metadata, metadataBytes);
  const timestampAt = 15 + metadataBytes;
  putInt64(value, timestampAt, commitTimestampMs);
  if (named) {
    value[timestampAt + 8] = 1; // one tagged field: tag 0, 16 bytes
    value[timestampAt + 10] = 16;
    uuidToBytes(topicId, value, timestampAt + 11);
  }
  return value;
}

function fits({ offset, leaderEpoch, commitTimestampMs }: CommittedOffset): boolean {
  return offset <= INT64_MAX && offset >= -INT64_MAX && leaderEpoch === (leaderEpoch | 0) &&
    Number.isSafeInteger(commitTimestampMs);
}

/** Bytes of a text in UTF-8. */
function textBytes(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) >= 0x80) return encoder.encode(text).length;
  }
  return text.length;
}

function putText(target: Uint8Array, position: number, text: string, bytes: number): void {
  if (bytes !== text.length) encoder.encodeInto(text, target.subarray(position));
  else for (let at = 0; at < bytes; at++) target[position + at] = text.charCodeAt(at);
}
