import { assertEquals, assertThrows } from "@std/assert";
import {
  array,
  decodeMessage,
  encodeMessage,
  int64,
  joined,
  message,
  REQUEST_LIMITS,
  structs,
} from "../../../protocol/schema/mod.ts";

const flood = message({
  name: "Flood",
  versions: "0",
  flexible: "0",
  fields: { groups: structs({ fields: { names: array({ of: "string" }) } }) },
});

const numbers = message({
  name: "Numbers",
  versions: "0-1",
  flexible: "1+",
  fields: { points: structs({ fields: { y: int64() } }), numbers: array({ of: "int32" }) },
});

Deno.test("Decoder refuses a count that the bytes cannot hold, before it makes room for it", () => {
  const cases = [
    [0, "7fffffff", "An array of 2147483647 elements, with 0 bytes left"],
    [0, "00000002" + "00".repeat(15), "An array of 2 elements, with 15 bytes left"],
    [1, "ffffffff0f", "An array of 4294967294 elements, with 0 bytes left"],
    [1, "01" + "04" + "00".repeat(11), "An array of 3 elements, with 11 bytes left"],
  ] as const;
  for (const [version, hex, why] of cases) {
    const bytes = Uint8Array.fromHex(hex);
    assertThrows(() => decodeMessage(numbers, version, bytes), RangeError, why);
  }
});

Deno.test("Decoder bounds the elements of all arrays of a message together", () => {
  const groups = Array.from({ length: 10 }, () => ({ names: Array(9).fill("") }));
  const encoded = joined(encodeMessage(flood, 0, { groups }));
  const limits = { elementsMax: 100, unknownTagsMax: 1 };
  assertEquals(decodeMessage(flood, 0, encoded, limits), { groups });
  assertThrows(
    () => decodeMessage(flood, 0, encoded, { ...limits, elementsMax: 99 }),
    RangeError,
    "More than 99 array elements",
  );
});

Deno.test("Decoder bounds what a message of nothing but empty elements makes it build", () => {
  // 3 MB that would become 3 million strings.
  const bytes = new Uint8Array(3_000_000).fill(1);
  bytes.set([2, 0xf0, 0xc6, 0xb6, 0x01]);
  assertThrows(
    () => decodeMessage(flood, 0, bytes),
    RangeError,
    "More than 1048576 array elements",
  );
});

Deno.test("Decoder bounds the unknown tags of a struct", () => {
  const unknownTags = [{ tag: 7, bytes: new Uint8Array(0) }, { tag: 8, bytes: new Uint8Array(0) }];
  const encoded = joined(encodeMessage(flood, 0, { groups: [], unknownTags }));
  const limits = { elementsMax: 2, unknownTagsMax: 2 };
  assertEquals(decodeMessage(flood, 0, encoded, limits).unknownTags?.length, 2);
  assertThrows(
    () => decodeMessage(flood, 0, encoded, { ...limits, unknownTagsMax: 1 }),
    RangeError,
    "More than 1 unknown tags",
  );
});

const tagged = message({
  name: "Tagged",
  versions: "0",
  flexible: "0",
  fields: { points: structs({ fields: { y: int64() } }) },
});

/** `count` structs, each with 1024 empty tags that nobody knows. */
function pointsWithTags(count: number) {
  const unknownTags = Array.from({ length: 1024 }, (_, tag) => ({ tag, bytes: new Uint8Array(0) }));
  return Array.from({ length: count }, (_, y) => ({ y: BigInt(y), unknownTags }));
}

Deno.test("Decoder bounds the unknown tags of all structs together: 3 MB of them took 154 MB of memory", () => {
  const encoded = joined(encodeMessage(tagged, 0, { points: pointsWithTags(10) }));
  const limits = { elementsMax: 10 + 10 * 1024, unknownTagsMax: 1024 };
  for (const dropsUnknownTags of [false, true]) {
    assertEquals(
      decodeMessage(tagged, 0, encoded, { ...limits, dropsUnknownTags }).points.length,
      10,
    );
    assertThrows(
      () =>
        decodeMessage(tagged, 0, encoded, {
          ...limits,
          elementsMax: limits.elementsMax - 1,
          dropsUnknownTags,
        }),
      RangeError,
      "More than 10249 array elements and unknown tags",
    );
  }
  const flood = joined(encodeMessage(tagged, 0, { points: pointsWithTags(1024) }));
  assertThrows(
    () => decodeMessage(tagged, 0, flood, REQUEST_LIMITS),
    RangeError,
    "More than 1048576",
  );
});

Deno.test("Decoder leaves out unknown tags where nobody looks at them, and still bounds those of a struct", () => {
  const bytes = joined(encodeMessage(tagged, 0, { points: pointsWithTags(2) }));
  assertEquals(decodeMessage(tagged, 0, bytes, REQUEST_LIMITS), { points: [{ y: 0n }, { y: 1n }] });
  assertEquals(decodeMessage(tagged, 0, bytes).points[1].unknownTags?.length, 1024);
  assertThrows(
    () => decodeMessage(tagged, 0, bytes, { ...REQUEST_LIMITS, unknownTagsMax: 1023 }),
    RangeError,
    "More than 1023 unknown tags",
  );
});
