/**
 * What the coordinator reads in the members' metadata: the topics of a group of consumers, nothing else.
 *
 * @module
 */
import { Reader } from "../../protocol/schema/mod.ts";

/** The protocol type of ordinary consumers; Connect, Schema Registry and others have their own, which stay opaque. */
export const CONSUMER_PROTOCOL_TYPE = "consumer";
/** An empty string on the wire. */
const STRING_BYTES_MIN = 2;

/**
 * The topics that a consumer's metadata asks for; null when it is not a consumer's.
 *
 * They lead the metadata in every version, future ones included, so that nothing behind them is read. (Kafka:
 * `ClassicGroup.computeSubscribedTopics`.)
 */
export function subscribedTopics(metadata: Uint8Array): readonly string[] | null {
  try {
    const reader = new Reader(metadata);
    if (reader.int16() < 0) return null;
    const count = reader.int32();
    if (count < 0) return null;
    reader.admit(count, STRING_BYTES_MIN);
    return Array.from({ length: count }, () => reader.string(reader.int16()));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
