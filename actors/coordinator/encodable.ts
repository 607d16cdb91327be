/**
 * What requests say that the records of coordinators cannot hold: a text of invalid UTF-8, each byte of which is replaced by
 * three, is longer than what its request was checked for.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { STRING_BYTES_MAX } from "../../protocol/schema/mod.ts";

const encoder = new TextEncoder();

/** Whether a text fits a record. */
export function isEncodable(text: string): boolean {
  if (text.length * 3 <= STRING_BYTES_MAX) return true;
  return text.length <= STRING_BYTES_MAX && encoder.encode(text).length <= STRING_BYTES_MAX;
}

/**
 * Makes a record of what a request says. That it cannot be made is the fault of that request: whoever else the coordinator
 * works for does not hear of it. (Kafka: `CoordinatorRuntime` fails the event.)
 *
 * @throws KafkaError INVALID_REQUEST when a value does not fit its type
 */
export function encodable<T>(encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new KafkaError("INVALID_REQUEST", `It cannot be recorded: ${error.message}`);
  }
}
