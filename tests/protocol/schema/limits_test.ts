import { assertEquals, assertThrows } from "@std/assert";
import {
  array,
  decodeMessage,
  encodeMessage,
  int64,
  joined,
  message,
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
  const limits = { elementsMax: 1, unknownTagsMax: 2 };
  assertEquals(decodeMessage(flood, 0, encoded, limits).unknownTags?.length, 2);
  assertThrows(
    () => decodeMessage(flood, 0, encoded, { ...limits, unknownTagsMax: 1 }),
    RangeError,
    "More than 1 unknown tags",
  );
});
