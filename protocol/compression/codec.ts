/**
 * The compression codecs of record batches, by the names that Kafka's configuration gives them.
 *
 * @module
 */
import { KafkaError } from "../errors.ts";

/** How the records of a batch are compressed. */
export type Codec = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** All codecs; the index is the id in a batch's attributes. */
export const CODECS: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * The codec with this id, as in bits 0 to 2 of a batch's attributes.
 *
 * @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE for an id that is not assigned.
 */
export function codecFromId(id: number): Codec {
  const codec = CODECS[id];
  if (codec === undefined) {
    throw new KafkaError("UNSUPPORTED_COMPRESSION_TYPE", `No compression codec has the id ${id}`);
  }
  return codec;
}

/** The id of a codec, for a batch's attributes. */
export function codecId(codec: Codec): number {
  return CODECS.indexOf(codec);
}
