/**
 * Reads the records of committed offsets without taking them apart first.
 *
 * A coordinator reads hundreds of thousands of them before it answers anybody, and one for each commit. So the version that
 * is written here is read by hand; what is anything else is left to the schemas, which tell what is wrong with it, too.
 *
 * @module
 */
import { offsetCommitKey } from "../../protocol/messages/records/classic_group.ts";
import {
  bigInt64At,
  int16At,
  int32At,
  int64At,
  isSafeInt64At,
} from "../../protocol/records/big_endian.ts";
import { uuidFromBytes, ZERO_UUID } from "../../protocol/uuid.ts";
import type { TopicPartition } from "./messages.ts";
import { OFFSET_COMMIT_VERSION } from "./offset_record_writer.ts";
import type { CommittedOffset } from "./records.ts";
import { TextCache } from "./text_cache.ts";

const UUID_BYTES = 16;
/** Version, offset, leader epoch, a byte of the metadata's length, timestamp, number of tags. */
const VALUE_BYTES_MIN = 2 + 8 + 4 + 1 + 8 + 1;
/** Record type, two lengths, partition. */
const KEY_BYTES_MIN = 2 + 2 + 2 + 4;
/** The tag of `topicId` in the value; its length comes next. */
const TOPIC_ID_TAG = 0;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textOf = (bytes: Uint8Array) => decoder.decode(bytes);

/** Holds what the last record said. */
export class OffsetRecordReader implements TopicPartition {
  readonly #names = new TextCache(textOf);
  readonly #topicIds = new TextCache(uuidFromBytes);
  group = "";
  topic = "";
  partition = 0;
  /** null = no more. */
  committed: CommittedOffset | null = null;

  /**
   * Reads a record whose key and value lie in some bytes; `valueBytes` is -1 for a tombstone. False, with nothing told,
   * when it is no committed offset in the version that is written here.
   */
  read(
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    value: Uint8Array,
    valueAt: number,
    valueBytes: number,
  ): boolean {
    if (!this.#readKey(key, keyAt, keyAt + keyBytes)) return false;
    this.committed = null;
    return valueBytes < 0 || this.#readValue(value, valueAt, valueAt + valueBytes);
  }

  #readKey(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < KEY_BYTES_MIN) return false;
    if (int16At(bytes, start) !== offsetCommitKey.recordType) return false;
    const groupAt = start + 4;
    const topicLengthAt = groupAt + int16At(bytes, start + 2);
    if (topicLengthAt < groupAt || topicLengthAt + 6 > end) return false;
    const topicAt = topicLengthAt + 2;
    const partitionAt = topicAt + int16At(bytes, topicLengthAt);
    if (partitionAt < topicAt || partitionAt + 4 !== end) return false;
    this.group = this.#names.at(bytes, groupAt, topicLengthAt);
    this.topic = this.#names.at(bytes, topicAt, partitionAt);
    this.partition = int32At(bytes, partitionAt);
    return true;
  }

  #readValue(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < VALUE_BYTES_MIN) return false;
    if (int16At(bytes, start) !== OFFSET_COMMIT_VERSION) return false;
    const metadataAt = start + 15;
    // A length of two bytes or more begins beyond 0x7f, and 0 is null.
    const metadataEnd = metadataAt + bytes[metadataAt - 1] - 1;
    const isShort = metadataEnd >= metadataAt && bytes[metadataAt - 1] < 0x80;
    if (!isShort || metadataEnd + 9 > end || !isSafeInt64At(bytes, metadataEnd)) return false;
    const topicId = this.#readTopicId(bytes, metadataEnd + 8, end);
    if (topicId === null) return false;
    this.committed = {
      offset: bigInt64At(bytes, start + 2),
      leaderEpoch: int32At(bytes, start + 10),
      metadata: metadataEnd === metadataAt ? "" : textOf(bytes.subarray(metadataAt, metadataEnd)),
      commitTimestampMs: int64At(bytes, metadataEnd),
      expireTimestampMs: null,
      topicId,
    };
    return true;
  }

  /** The only tagged field; null when there is anything else. */
  #readTopicId(bytes: Uint8Array, at: number, end: number): string | null {
    if (bytes[at] === 0) return at + 1 === end ? ZERO_UUID : null;
    const idAt = at + 3;
    const isAlone = bytes[at] === 1 && bytes[at + 1] === TOPIC_ID_TAG &&
      bytes[at + 2] === UUID_BYTES && idAt + UUID_BYTES === end;
    return isAlone ? this.#topicIds.at(bytes, idAt, end) : null;
  }
}
