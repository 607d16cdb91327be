/**
 * Messages that Kafka itself serialized, and its message definitions; both lie outside the project.
 *
 * @module
 */
import type { JsonProtocol } from "../../tools/generate/kafka_protocol.ts";

const folder = new URL("../../../shared/kafka/", import.meta.url);

/** One serialized message. */
export interface WireVector {
  readonly message: string;
  readonly version: number;
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly hex: string;
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(new URL(path, folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** null where the folder is missing: tests that need them are ignored then. */
export function wireVectors(): readonly WireVector[] | null {
  const text = read("vectors/wire-vectors.json");
  // Number literals beyond 2^53 keep their digits: they become bigints.
  return text === null ? null : JSON.parse(text, exact);
}

function exact(_key: string, value: unknown, context?: { readonly source: string }): unknown {
  return typeof value === "number" && !Number.isSafeInteger(value) &&
      /^-?\d+$/.test(context!.source)
    ? BigInt(context!.source)
    : value;
}

/** null where the folder is missing. */
export function kafkaProtocol(): JsonProtocol | null {
  const text = read("kafka-protocol.json");
  return text === null ? null : JSON.parse(text);
}
