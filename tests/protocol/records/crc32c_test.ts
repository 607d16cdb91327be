import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "../../../protocol/records/crc32c.ts";
import { utf8 } from "./samples.ts";

Deno.test("CRC-32C has its known values", () => {
  assertEquals(crc32c(utf8("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(0)), 0);
  // RFC 3720, appendix B.4.
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

Deno.test("CRC-32C agrees with the bit by bit definition, wherever the bytes lie", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, skip) => {
    const start = Math.min(skip, bytes.length);
    assertEquals(crc32c(bytes, start), bitByBit(bytes.subarray(start)));
    assertEquals(crc32c(bytes.subarray(start)), bitByBit(bytes.subarray(start)));
    const end = bytes.length - start;
    assertEquals(crc32c(bytes, 0, end), bitByBit(bytes.subarray(0, end)));
  }));
});

Deno.test("CRC-32C goes on from the CRC of what went before", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.nat(), (bytes, cut) => {
    const at = cut % (bytes.length + 1);
    const first = crc32c(bytes, 0, at);
    assertEquals(crc32c(bytes, at, bytes.length, first), crc32c(bytes));
  }));
});

function bitByBit(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc >>> 0;
}
