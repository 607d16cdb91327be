/**
 * The two ways in which inflating fails, as the errors that Kafka has a code for.
 *
 * @module
 */
import { KafkaError } from "../errors.ts";
import type { Codec } from "./codec.ts";

/** The compressed bytes are not what their codec prescribes. */
export function corrupt(codec: Codec, why: string, options?: ErrorOptions): KafkaError {
  return new KafkaError("CORRUPT_MESSAGE", `Cannot inflate ${codec}: ${why}`, options);
}

/** The bytes may be good, but there are more of them than anybody should hold. */
export function tooLarge(codec: Codec, outputBytesMax: number): KafkaError {
  return new KafkaError(
    "MESSAGE_TOO_LARGE",
    `Cannot inflate ${codec}: output is larger than ${outputBytesMax} bytes`,
  );
}
