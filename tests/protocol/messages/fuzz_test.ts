import { assert, assertEquals, assertThrows } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { decodeMessage, encodeMessage, joined, type Schema } from "../../../protocol/schema/mod.ts";
import { Random, randomMessage } from "../random_message.ts";
import { everyVersion } from "../schemas.ts";

/** Decodes bytes that may be anything; null when they are refused the way that bad input has to be. */
function tryDecode(schema: Schema, version: number, bytes: Uint8Array): unknown {
  try {
    return decodeMessage(schema, version, bytes);
  } catch (error) {
    if (error instanceof RangeError || error instanceof KafkaError) return null;
    throw error;
  }
}

/** What of a value can be as large as somebody on the other side wants: array elements, string units, bytes. */
function weight(value: unknown): number {
  if (typeof value === "string") return value.length === 22 ? 0 : value.length; // A uuid has one size.
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Uint8Array) return value.length;
  if (!Array.isArray(value)) return sumOf(Object.values(value));
  const isRecords = value[0] instanceof Uint8Array;
  return (isRecords ? 0 : value.length) + sumOf(value);
}

function sumOf(parts: readonly unknown[]): number {
  return parts.reduce<number>((sum, part) => sum + weight(part), 0);
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, random) {
    const changed = bytes.slice();
    for (let i = 0; i <= random.below(4); i++) {
      changed[random.below(bytes.length)] ^= 1 << random.below(8);
    }
    return changed;
  },
  function cutShort(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function overwrite(bytes, random) {
    const changed = bytes.slice();
    const value = [0x00, 0x7f, 0x80, 0xff][random.below(4)];
    const at = random.below(bytes.length);
    return changed.fill(value, at, at + 1 + random.below(5));
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length);
    return joined([bytes.slice(0, at), random.bytes(1 + random.below(6)), bytes.slice(at)]);
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length);
    return joined([bytes.slice(0, at), bytes.slice(at + 1 + random.below(6))]);
  },
];

Deno.test("Decoder refuses or reads mutated messages of every version, and builds no more than was received", () => {
  const random = new Random(11);
  let read = 0;
  let refused = 0;
  for (const { schema, version } of everyVersion()) {
    for (let i = 0; i < 24; i++) {
      const bytes = joined(encodeMessage(schema, version, randomMessage(schema, version, random)));
      if (bytes.length === 0) continue;
      for (const mutate of MUTATIONS) {
        const mutated = mutate(bytes, random);
        const decoded = tryDecode(schema, version, mutated);
        if (decoded === null) refused++;
        else read++;
        assert(weight(decoded) <= mutated.length, `${schema.name} v${version}: ${mutated.toHex()}`);
      }
    }
  }
  assert(read > 1000 && refused > 1000, `${read} read, ${refused} refused`);
});

Deno.test("Decoder refuses every message of every version that is cut short", () => {
  const random = new Random(13);
  for (const { schema, version } of everyVersion()) {
    const bytes = joined(encodeMessage(schema, version, randomMessage(schema, version, random)));
    for (let cut = 0; cut < Math.min(bytes.length, 200); cut++) {
      const decoded = tryDecode(schema, version, bytes.subarray(0, cut));
      assertEquals(decoded, null, `${schema.name} v${version}, ${cut} of ${bytes.length} bytes`);
    }
  }
});

Deno.test("Decoder refuses a byte after the end of every message of every version", () => {
  const random = new Random(17);
  for (const { schema, version } of everyVersion()) {
    const bytes = joined(encodeMessage(schema, version, randomMessage(schema, version, random)));
    const longer = joined([bytes, new Uint8Array(1)]);
    assertThrows(() => decodeMessage(schema, version, longer), RangeError, "after the end");
  }
});

Deno.test("Decoder survives random bytes in every version", () => {
  const random = new Random(19);
  for (const { schema, version } of everyVersion()) {
    for (let i = 0; i < 60; i++) {
      const bytes = random.bytes(random.below(64));
      assert(weight(tryDecode(schema, version, bytes)) <= bytes.length);
    }
  }
});
