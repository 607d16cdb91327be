/**
 * Records, vectors and comparisons that tests of batches and of compression share.
 *
 * @module
 */
import { AssertionError } from "@std/assert";
import type { RecordDraft } from "../../../protocol/records/builder.ts";

/** The time that all sample records begin at. */
export const SAMPLE_TIME_MS = 1_700_000_000_000;

const encoder = new TextEncoder();

/** UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The records that `tests/fixtures/records/writer/RecordFixtures.java` writes. */
export function sampleRecords(count = 120): RecordDraft[] {
  return Array.from({ length: count }, (_, i) => ({
    timestampMs: SAMPLE_TIME_MS + i * 3,
    key: i % 7 === 0 ? null : utf8(`key-${i}`),
    value: i % 11 === 0 ? null : sampleValue(i),
    headers: i % 5 === 0
      ? [{ key: "näme", value: null }, { key: "index", value: utf8(String(i)) }]
      : [],
  }));
}

/** 500 to 1500 bytes: one half text that repeats, one half bytes that do not (a linear congruential generator). */
export function sampleValue(seed: number): Uint8Array {
  const value = new Uint8Array(500 + (seed * 37) % 1001);
  let state = seed;
  for (let i = 0; i < value.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    value[i] = i % 200 < 100 ? "a spool of thread ".charCodeAt(i % 18) : state >>> 16;
  }
  return value;
}

/** The values of 200 sample records: what the compressed fixtures hold. */
export function sampleBytes(): Uint8Array {
  return concat(Array.from({ length: 200 }, (_, seed) => sampleValue(seed)));
}

/** The bytes of a file in `tests/fixtures/records/`. */
export function fixture(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`../../fixtures/records/${name}`, import.meta.url));
}

/** One batch that Kafka itself wrote. */
export interface RecordVector {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** null where the folder of vectors, which lies outside the project, is missing. */
export function recordVectors(): readonly RecordVector[] | null {
  const url = new URL("../../../../shared/kafka/vectors/record-vectors.json", import.meta.url);
  try {
    const vectors: { name: string; hex: string }[] = JSON.parse(Deno.readTextFileSync(url));
    return vectors.map(({ name, hex }) => ({ name, bytes: Uint8Array.fromHex(hex) }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** One array of them all. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Compares many bytes, quicker than assertEquals and with a message that can be read. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  const length = Math.min(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) {
      throw new AssertionError(`${what} differ at ${i}: ${actual[i]}, not ${expected[i]}`);
    }
  }
  if (actual.length !== expected.length) {
    throw new AssertionError(`${what}: ${actual.length} of them, not ${expected.length}`);
  }
}
