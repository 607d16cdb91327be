import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GrowingBytes } from "../../../protocol/compression/output.ts";
import {
  bigInt64At,
  int16At,
  int32At,
  int64At,
  isSafeInt64At,
  putBigInt64,
  putInt16,
  putInt32,
  putInt64,
  uint32At,
} from "../../../protocol/records/big_endian.ts";
import { pushVarint, sizeOfVarint, VarintReader } from "../../../protocol/records/varint.ts";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const safe = fc.oneof(fc.maxSafeInteger(), int32);

Deno.test("Big-endian integers agree with DataView", () => {
  const bytes = new Uint8Array(11);
  const view = new DataView(bytes.buffer);
  fc.assert(
    fc.property(safe, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (number, big) => {
      putInt16(bytes, 3, number);
      assertEquals(view.getInt16(3), int16At(bytes, 3));
      assertEquals(view.getUint16(3), number & 0xffff);
      putInt32(bytes, 3, number);
      assertEquals(view.getInt32(3), int32At(bytes, 3));
      assertEquals(view.getUint32(3), uint32At(bytes, 3));
      assertEquals(view.getInt32(3), number | 0);
      putInt64(bytes, 3, number);
      assertEquals(view.getBigInt64(3), BigInt(number));
      assertEquals(int64At(bytes, 3), number);
      putBigInt64(bytes, 3, big);
      assertEquals(view.getBigInt64(3), big);
      assertEquals(bigInt64At(bytes, 3), big);
    }),
  );
});

Deno.test("int64 that is no safe integer is refused as a number", () => {
  const bytes = new Uint8Array(8);
  for (const value of [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    putBigInt64(bytes, 0, value);
    assertEquals(isSafeInt64At(bytes, 0), false);
    assertThrows(() => int64At(bytes, 0), RangeError, String(value));
  }
  for (const value of [2n ** 53n - 1n, -(2n ** 53n) + 1n, 0n, -1n]) {
    putBigInt64(bytes, 0, value);
    assertEquals(int64At(bytes, 0), Number(value));
  }
});

Deno.test("Varints give back what went in, in as many bytes as they say", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(int32, safe)), (pairs) => {
      const output = new GrowingBytes(0);
      for (const [int, long] of pairs) {
        const before = output.length;
        pushVarint(output, int);
        assertEquals(output.length - before, sizeOfVarint(int));
        pushVarint(output, long);
        assertEquals(output.length - before, sizeOfVarint(int) + sizeOfVarint(long));
      }
      const reader = new VarintReader(output.bytes, 0, output.length);
      for (const [int, long] of pairs) {
        assertEquals(reader.varint(), int);
        assertEquals(reader.varlong(), long);
      }
      assertEquals(reader.position, output.length);
    }),
  );
});

Deno.test("Varints have Kafka's bytes at the borders", () => {
  const borders: [number, string][] = [
    [0, "00"],
    [-1, "01"],
    [63, "7e"],
    [-64, "7f"],
    [64, "8001"],
    [-65, "8101"],
    [2 ** 31 - 1, "feffffff0f"],
    [-(2 ** 31), "ffffffff0f"],
    [2 ** 31, "8080808010"],
    [Number.MAX_SAFE_INTEGER, "feffffffffffff1f"],
    [Number.MIN_SAFE_INTEGER, "fdffffffffffff1f"],
  ];
  for (const [value, hex] of borders) {
    const output = new GrowingBytes(16);
    pushVarint(output, value);
    assertEquals(output.written().toHex(), hex);
    assertEquals(sizeOfVarint(value), hex.length / 2);
  }
});

Deno.test("Varints that are cut short, too long or beyond a safe integer are refused", () => {
  const reader = (hex: string) => {
    const bytes = Uint8Array.fromHex(hex);
    return new VarintReader(bytes, 0, bytes.length);
  };
  assertThrows(() => reader("").varint(), RangeError, "cut short");
  assertThrows(() => reader("8080").varint(), RangeError, "cut short");
  assertThrows(() => reader("808080808000").varint(), RangeError, "longer than 5");
  assertThrows(() => reader("").varlong(), RangeError, "cut short");
  assertThrows(() => reader("8080808080").varlong(), RangeError, "cut short");
  assertThrows(() => reader("8080808080808080808000").varlong(), RangeError, "longer than 10");
  // Long.MAX_VALUE, Long.MIN_VALUE, 2^53.
  for (const hex of ["feffffffffffffffff01", "ffffffffffffffffff01", "8080808080808020"]) {
    assertThrows(() => reader(hex).varlong(), RangeError, "safe integer");
  }
});
