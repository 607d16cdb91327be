import { assertEquals, assertThrows } from "@std/assert";
import { decodeHead, encodeHead } from "../../../storage/chain/head.ts";

const head = {
  epoch: 3,
  sequence: 4_711,
  token: Uint8Array.from({ length: 16 }, (_, n) => n),
  state: Uint8Array.of(1, 2, 3),
};

Deno.test("HEAD is read as it was written", () => {
  assertEquals(decodeHead(encodeHead(head)), head);
});

Deno.test("HEAD with any flipped bit, or cut short, is refused", () => {
  const bytes = encodeHead(head);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    assertThrows(() => decodeHead(flipped), RangeError);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeHead(bytes.subarray(0, length)), RangeError);
  }
});
