import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { joined, Reader, Writer } from "../../../protocol/schema/mod.ts";

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return joined(writer.finish());
}

/** Reads with `read` what `write` wrote, all of it. */
function roundTrip<T>(write: (writer: Writer) => void, read: (reader: Reader) => T): T {
  const reader = new Reader(written(write));
  const value = read(reader);
  reader.finish();
  return value;
}

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });

Deno.test("Fixed-size numbers are read as they were written", () => {
  fc.assert(
    fc.property(int32, uint32, int64, fc.double(), fc.boolean(), (i32, u32, i64, f64, bit) => {
      const [i16, u16, i8] = [(i32 << 16) >> 16, i32 & 0xffff, (i32 << 24) >> 24];
      const values = roundTrip((writer) => {
        writer.int8(i8);
        writer.int16(i16);
        writer.uint16(u16);
        writer.int32(i32);
        writer.uint32(u32);
        writer.int64(i64);
        writer.float64(f64);
        writer.bool(bit);
      }, (reader) => [
        reader.int8(),
        reader.int16(),
        reader.uint16(),
        reader.int32(),
        reader.uint32(),
        reader.int64(),
        reader.float64(),
        reader.bool(),
      ]);
      assertEquals(values, [i8, i16, u16, i32, u32, i64, f64, bit]);
    }),
  );
});

Deno.test("Varints are read as they were written and are as short as they can be", () => {
  fc.assert(fc.property(int32, uint32, int64, (i32, u32, i64) => {
    assertEquals(roundTrip((writer) => writer.varint(i32), (reader) => reader.varint()), i32);
    assertEquals(roundTrip((writer) => writer.uvarint(u32), (reader) => reader.uvarint()), u32);
    assertEquals(roundTrip((writer) => writer.varlong(i64), (reader) => reader.varlong()), i64);
    const bits = Math.max(1, u32.toString(2).length);
    assertEquals(written((writer) => writer.uvarint(u32)).length, Math.ceil(bits / 7));
  }));
});

Deno.test("Varints have the bytes of KIP-482 and of Kafka's zigzag", () => {
  const cases = [[0, "00"], [127, "7f"], [128, "8001"], [300, "ac02"], [0xffff_ffff, "ffffffff0f"]];
  for (const [value, hex] of cases) {
    assertEquals(written((writer) => writer.uvarint(value as number)).toHex(), hex);
  }
  const zigzag = [[0, "00"], [-1, "01"], [1, "02"], [-64, "7f"], [-0x8000_0000, "ffffffff0f"]];
  for (const [value, hex] of zigzag) {
    assertEquals(written((writer) => writer.varint(value as number)).toHex(), hex);
    assertEquals(written((writer) => writer.varlong(BigInt(value))).toHex(), hex);
  }
  const least = written((writer) => writer.varlong(-(1n << 63n)));
  assertEquals(least.toHex(), "ffffffffffffffffff01");
});

Deno.test("Varints that are too long or cut short are refused", () => {
  for (const hex of ["", "80", "ffffffff", "ffffffff1f", "ffffffffff", "ffffffffff01"]) {
    assertThrows(() => new Reader(Uint8Array.fromHex(hex)).uvarint(), RangeError);
  }
  for (
    const hex of ["", "80", "ffffffffffffffffff", "ffffffffffffffffff02", "ffffffffffffffffffff01"]
  ) {
    assertThrows(() => new Reader(Uint8Array.fromHex(hex)).varlong(), RangeError);
  }
});

const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom("\ufeffbegins with a BOM", "x".repeat(32_767), "ü".repeat(16_383)),
);

Deno.test("Strings are read as they were written", () => {
  fc.assert(fc.property(text, (value) => {
    assertEquals(
      roundTrip((writer) => writer.string(value), (reader) => reader.string(reader.int16())),
      value,
    );
    assertEquals(
      roundTrip(
        (writer) => writer.compactString(value),
        (reader) => reader.string(reader.uvarint() - 1),
      ),
      value,
    );
  }));
});

Deno.test("Strings have the bytes of TextEncoder behind their length", () => {
  fc.assert(fc.property(text, (value) => {
    const utf8 = new TextEncoder().encode(value);
    const bytes = written((writer) => writer.string(value));
    assertEquals(new DataView(bytes.buffer, bytes.byteOffset).getInt16(0), utf8.length);
    assertEquals(bytes.subarray(2), utf8);
  }));
});

Deno.test("Strings longer than an int16 can say are neither written nor read", () => {
  for (const long of ["x".repeat(32_768), "ü".repeat(16_384)]) {
    assertThrows(() => written((writer) => writer.string(long)), RangeError, "32768 bytes");
    assertThrows(() => written((writer) => writer.compactString(long)), RangeError, "32768 bytes");
  }
  assertThrows(() => new Reader(new Uint8Array(40_000)).string(32_768), RangeError);
});

Deno.test("Malformed UTF-8 becomes replacement characters, short or long", () => {
  for (const length of [3, 40]) {
    for (const malformed of [0x80, 0xff]) {
      const bytes = new Uint8Array(length).fill(0x61);
      bytes[1] = malformed;
      assertEquals(new Reader(bytes).string(length), "a\ufffd" + "a".repeat(length - 2));
    }
  }
});

Deno.test("Writer refuses numbers that their type cannot hold", () => {
  const unfit: ((writer: Writer) => void)[] = [
    (writer) => writer.int8(128),
    (writer) => writer.int8(-129),
    (writer) => writer.int16(32_768),
    (writer) => writer.uint16(-1),
    (writer) => writer.uint16(65_536),
    (writer) => writer.int32(2 ** 31),
    (writer) => writer.int32(0.5),
    (writer) => writer.int32(NaN),
    (writer) => writer.uint32(-1),
    (writer) => writer.uint32(2 ** 32),
    (writer) => writer.uvarint(-1),
    (writer) => writer.varint(2 ** 31),
    (writer) => writer.int64(1n << 63n),
    (writer) => writer.varlong(-(1n << 63n) - 1n),
  ];
  for (const write of unfit) assertThrows(() => written(write), RangeError);
});

Deno.test("Writer keeps every value whole and in order across its buffers", () => {
  const value = fc.oneof(
    fc.record({ kind: fc.constant("int32" as const), value: int32 }),
    fc.record({ kind: fc.constant("string" as const), value: fc.string({ maxLength: 900 }) }),
    fc.record({
      kind: fc.constant("raw" as const),
      value: fc.integer({ min: 0, max: 3000 }).map((length) => new Uint8Array(length).fill(7)),
    }),
  );
  fc.assert(fc.property(fc.array(value, { maxLength: 60, size: "max" }), (values) => {
    const writer = new Writer(16);
    let length = 0;
    for (const { kind, value } of values) {
      if (kind === "int32") writer.int32(value);
      else if (kind === "string") writer.string(value);
      else writer.raw(value);
      length += kind === "int32" ? 4 : kind === "raw" ? value.length : 2 + utf8Length(value);
      assertEquals(writer.length, length);
    }
    const reader = new Reader(joined(writer.finish()));
    for (const { kind, value } of values) {
      if (kind === "int32") assertEquals(reader.int32(), value);
      else if (kind === "string") assertEquals(reader.string(reader.int16()), value);
      else assertEquals(reader.view(value.length), value);
    }
    reader.finish();
  }));
});

Deno.test("Writer hands large byte strings over as they are and copies small ones", () => {
  const large = new Uint8Array(1024);
  const small = new Uint8Array(1023);
  const writer = new Writer();
  writer.int32(1);
  writer.raw(large);
  writer.raw(small);
  const slices = writer.finish();
  assert(slices.includes(large));
  assert(slices.every((slice) => slice.buffer !== small.buffer));
});

Deno.test("Reader gives views and refuses lengths that the bytes do not hold", () => {
  const bytes = new Uint8Array(8);
  assertEquals(new Reader(bytes).view(8).buffer, bytes.buffer);
  for (const length of [9, -1, 2 ** 31]) {
    assertThrows(() => new Reader(bytes).view(length), RangeError);
    assertThrows(() => new Reader(bytes).string(length), RangeError);
  }
});

Deno.test("Reader refuses numbers that begin before the end and go past it", () => {
  const reads: ((reader: Reader) => unknown)[] = [
    (reader) => reader.bool(),
    (reader) => reader.int8(),
    (reader) => reader.int16(),
    (reader) => reader.uint16(),
    (reader) => reader.int32(),
    (reader) => reader.uint32(),
    (reader) => reader.int64(),
    (reader) => reader.float64(),
    (reader) => reader.uuid(),
  ];
  const sizes = [1, 1, 2, 2, 4, 4, 8, 8, 16];
  // The buffer goes on behind the view that the reader was given.
  const buffer = new Uint8Array(64);
  reads.forEach((read, i) => {
    read(new Reader(buffer.subarray(8, 8 + sizes[i])));
    assertThrows(() => read(new Reader(buffer.subarray(8, 7 + sizes[i]))), RangeError);
  });
});

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
