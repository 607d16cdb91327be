import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { compareKeys, key, type KeyPart, keyParts, prefixRange } from "../../../storage/kv/key.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((each) => each.isWellFormed());
const number = fc.oneof(fc.maxSafeNat(), fc.nat(70_000));
const blob = fc.uint8Array({ maxLength: 12 });
const tuple = fc.array(fc.oneof(text, number, blob), { maxLength: 5 });

/** The order of parts that keys must have: bytes, then strings, then numbers; each kind by its own order. */
function compareParts(a: KeyPart, b: KeyPart): number {
  const rank = (part: KeyPart) => typeof part === "number" ? 2 : typeof part === "string" ? 1 : 0;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === "number") return a - (b as number);
  const raw = (part: KeyPart) =>
    part instanceof Uint8Array ? part : new TextEncoder().encode(part as string);
  return compareKeys(raw(a), raw(b));
}

function compareTuples(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareParts(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

Deno.test("Key sorts as its tuple does", () => {
  fc.assert(
    fc.property(tuple, tuple, (a, b) => {
      assertEquals(
        Math.sign(compareKeys(key(...a), key(...b))),
        Math.sign(compareTuples(a, b)),
      );
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("Key gives its tuple back", () => {
  fc.assert(fc.property(tuple, (parts) => assertEquals(keyParts(key(...parts)), parts)));
});

Deno.test("Key range of a prefix holds exactly the tuples that begin with it", () => {
  fc.assert(
    fc.property(tuple, tuple, tuple, (prefix, rest, other) => {
      const { start, end } = prefixRange(...prefix);
      const holds = (bytes: Uint8Array) =>
        compareKeys(start, bytes) <= 0 && compareKeys(bytes, end) < 0;
      assert(holds(key(...prefix, ...rest)));
      const begins = other.length >= prefix.length &&
        compareTuples(other.slice(0, prefix.length), prefix) === 0;
      assertEquals(holds(key(...other)), begins);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("Key writes the documented bytes", () => {
  assertEquals(key("a\0").toHex(), "026100ff00");
  assertEquals(key(Uint8Array.of(0, 255)).toHex(), "0100ffff00");
  assertEquals(key(0, 255, 256, Number.MAX_SAFE_INTEGER).toHex(), "1011ff120100171fffffffffffff");
});

Deno.test("Key of a longer string stays out of the range of its beginning", () => {
  const { start, end } = prefixRange("a");
  for (const other of ["a\0", "a\0b", "ab", ""]) {
    const bytes = key(other);
    assert(compareKeys(bytes, start) < 0 || compareKeys(bytes, end) >= 0, other);
  }
});

Deno.test("Key refuses numbers and strings that it could not give back", () => {
  for (const bad of [-1, 0.5, NaN, Infinity, 2 ** 53, "\ud800"]) {
    assertThrows(() => key(bad), RangeError);
  }
});

Deno.test("Key parts of any bytes are a tuple or a RangeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        assertEquals(key(...keyParts(bytes)), bytes);
      } catch (error) {
        assert(error instanceof RangeError);
      }
    }),
    { numRuns: 5_000 },
  );
  for (const bad of ["02", "026100ff", "02ff00", "1100", "12", "17ffffffffffffff", "18", "ff"]) {
    assertThrows(() => keyParts(Uint8Array.fromHex(bad)), RangeError, "Not a key");
  }
});
