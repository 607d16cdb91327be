import { uuidFromBytes, uuidToBytes } from "../../protocol/uuid.ts";
import { ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";
import type { PartitionId } from "./partition_log.ts";
import type { Tombstone } from "./shard_catalogue.ts";

const VERSION = 1;
/** Partitions per tombstone, so that it fits a value. */
export const TOMBSTONE_PARTITIONS_MAX = 2_000;

/** A tombstone as stored. */
export function encodeTombstone({ openSegment, ids }: Omit<Tombstone, "number">): Uint8Array {
  const writer = new ByteWriter(16 + ids.length * 20);
  writer.uint8(VERSION);
  writer.varint(openSegment);
  writer.varint(ids.length);
  for (const { topicId, partition } of ids) {
    writer.raw(uuidToBytes(topicId));
    writer.varint(partition);
  }
  return seal(writer);
}

/**
 * A tombstone from bytes.
 *
 * @throws RangeError when they are damaged or of an unknown version.
 */
export function decodeTombstone(bytes: Uint8Array, number: number): Tombstone {
  const reader = unseal(bytes, VERSION, "note of removed partitions");
  const openSegment = reader.varint();
  const ids = Array.from({ length: reader.varint() }, (): PartitionId => ({
    topicId: uuidFromBytes(reader.raw(16)),
    partition: reader.varint(),
  }));
  return { number, openSegment, ids };
}
