/**
 * How records look on standard output.
 *
 * @module
 */
import type { ConsumerRecord } from "../client/mod.ts";

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\n");
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * One record → its line: the value as it is; key and value; or everything as JSON.
 *
 * In JSON bytes are text where they are UTF-8, and an object with their base64 where they are not.
 */
export function recordFormat(
  options: { readonly json: boolean; readonly keySeparator?: string },
): (record: ConsumerRecord) => Uint8Array {
  if (options.json) return jsonLine;
  const { keySeparator } = options;
  if (keySeparator === undefined) {
    return ({ value }) => joined([value ?? new Uint8Array(), LINE_END]);
  }
  const separator = encoder.encode(keySeparator);
  return ({ key, value }) =>
    joined([...(key === null ? [] : [key, separator]), value ?? new Uint8Array(), LINE_END]);
}

function jsonLine(record: ConsumerRecord): Uint8Array {
  const { topic, partition, offset, timestampMs, key, value, headers } = record;
  return encoder.encode(
    JSON.stringify({
      topic,
      partition,
      offset: Number(offset),
      timestampMs,
      key: readable(key),
      value: readable(value),
      headers: headers.map(({ key, value }) => ({ key, value: readable(value) })),
    }) + "\n",
  );
}

function readable(bytes: Uint8Array | null): string | { base64: string } | null {
  if (bytes === null) return null;
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return { base64: bytes.toBase64() };
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
