import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { uuidFromBytes, uuidToBytes, ZERO_UUID } from "../../protocol/uuid.ts";

Deno.test("Uuid text is what base64url without padding says", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const expected = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    assertEquals(uuidFromBytes(bytes), expected);
    assertEquals(uuidToBytes(expected), bytes);
  }));
});

Deno.test("Uuid zero is 22 times A", () => {
  assertEquals(uuidFromBytes(new Uint8Array(16)), ZERO_UUID);
  assertEquals(uuidToBytes(ZERO_UUID), new Uint8Array(16));
});

Deno.test("Uuid is read and written in the middle of bytes", () => {
  const target = new Uint8Array(20);
  uuidToBytes("MkU3OEVGRjRDMTk0M0Q2OA", target, 3);
  assertEquals([target[2], target[19]], [0, 0]);
  assertEquals(uuidFromBytes(target, 3), "MkU3OEVGRjRDMTk0M0Q2OA");
});

Deno.test("Uuid refuses text that is not exactly 128 bits of base64url", () => {
  const bad = ["", "A", ZERO_UUID + "A", ZERO_UUID.replace("A", "+"), ZERO_UUID.replace("A", "é")];
  for (const text of [...bad, "AAAAAAAAAAAAAAAAAAAAAB"]) {
    assertThrows(() => uuidToBytes(text), RangeError);
  }
});

Deno.test("Uuid refuses fewer than 16 bytes", () => {
  assertThrows(() => uuidFromBytes(new Uint8Array(15)), RangeError);
  assertThrows(() => uuidFromBytes(new Uint8Array(20), 5), RangeError);
});
