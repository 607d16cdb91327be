/**
 * How long the text of a setting may be.
 *
 * @module
 */
import { KafkaError } from "../protocol/errors.ts";
import { STRING_BYTES_MAX } from "../protocol/schema/mod.ts";

const encoder = new TextEncoder();

/** UTF-8 takes at most so many bytes for each unit of UTF-16. */
const BYTES_PER_UNIT_MAX = 3;

/**
 * Checks that texts of settings can be stored and told: what a client appends to a list makes it longer, and so does
 * what stands in for bytes that are no UTF-8.
 *
 * @throws KafkaError INVALID_CONFIG beyond 32 767 bytes, in the words of Kafka's `ConfigurationControlManager`.
 */
export function checkTextSizes(texts: ReadonlyMap<string, string>): void {
  for (const text of texts.values()) {
    if (text.length * BYTES_PER_UNIT_MAX <= STRING_BYTES_MAX) continue;
    if (encoder.encode(text).length <= STRING_BYTES_MAX) continue;
    throw new KafkaError(
      "INVALID_CONFIG",
      "The configuration value cannot be added because it exceeds the maximum value size of " +
        `${STRING_BYTES_MAX} bytes.`,
    );
  }
}
