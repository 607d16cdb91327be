import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { KafkaError } from "../../../protocol/errors.ts";
import {
  array,
  bytes,
  decodeMessage,
  type Draft,
  encodeMessage,
  int16,
  int32,
  int64,
  joined,
  message,
  records,
  type Schema,
  string,
  struct,
  structs,
} from "../../../protocol/schema/mod.ts";

/** Something of everything: version 0 is plain, 1 is flexible, 2 has more fields. */
const sample = message({
  name: "Sample",
  versions: "0-2",
  flexible: "1+",
  fields: {
    id: int32(),
    label: string({ versions: "2+", nullable: true, default: "none" }),
    hint: int16({ versions: "2+", default: -1, ignorable: true }),
    old: int16({ versions: "0-1", default: 5 }),
    place: struct({ versions: "2+", nullable: true, default: null, fields: { x: int32() } }),
    points: structs({ nullable: "1+", fields: { y: int64() } }),
    numbers: array({ versions: "1+", of: "int32" }),
    extra: string({ versions: "1+", tag: 0, default: "-" }),
    nested: struct({
      versions: "1+",
      tag: 3,
      fields: { at: int32({ default: -1 }), list: array({ of: "string" }) },
    }),
  },
});

const required: Draft<typeof sample> = { id: 1, points: [] };

function hex(schema: Schema, version: number, draft: Record<string, unknown>): string {
  return joined(encodeMessage(schema, version, draft)).toHex();
}

function decode(version: number, text: string) {
  return decodeMessage(sample, version, Uint8Array.fromHex(text));
}

Deno.test("Codec reads fields that a version lacks as their defaults", () => {
  assertEquals(decode(0, "00000001" + "0007" + "00000000"), {
    id: 1,
    label: "none",
    hint: -1,
    old: 7,
    place: null,
    points: [],
    numbers: [],
    extra: "-",
    nested: { at: -1, list: [] },
  });
});

Deno.test("Codec writes the default of a field that was left out", () => {
  assertEquals(hex(sample, 0, required), "00000001" + "0005" + "00000000");
  assertEquals(hex(sample, 1, required), "00000001" + "0005" + "01" + "01" + "00");
  assertEquals(
    hex(sample, 2, required),
    "00000001" + "056e6f6e65" + "ffff" + "ff" + "01" + "01" + "00",
  );
});

Deno.test("Codec refuses to leave out a required field", () => {
  assertThrows(() => hex(sample, 0, { points: [] }), TypeError, '"id" is missing');
});

Deno.test("Codec says which message and which field cannot be encoded or decoded", () => {
  const cases = [
    [
      () => hex(sample, 2, { ...required, id: 2 ** 31 }),
      "Cannot encode Sample v2: 2147483648 is no int32",
    ],
    [() => hex(sample, 0, { id: 1 }), 'Cannot encode Sample v0: "points" is missing'],
    [
      () => hex(sample, 0, { ...required, place: { x: 1 } }),
      'Cannot encode Sample v0: "place" has',
    ],
    [() => decode(0, "00000001" + "0005" + "ffffffff"), 'near byte 10: "points" has length -1'],
  ] as const;
  for (const [attempt, why] of cases) assertThrows(attempt, Error, why);
});

Deno.test("Codec drops an ignorable value that the version cannot carry, and refuses any other", () => {
  assertEquals(hex(sample, 0, { ...required, hint: 3 }), hex(sample, 0, required));
  const cannot = [
    { label: "x" },
    { label: null },
    { place: { x: 1 } },
    { numbers: [1] },
    { extra: "x" },
    { nested: { at: -1, list: ["x"] } },
  ];
  for (const value of cannot) {
    const error = assertThrows(() => hex(sample, 0, { ...required, ...value }), KafkaError);
    assertEquals(error.kind, "UNSUPPORTED_VERSION");
  }
});

Deno.test("Codec accepts defaults for fields that the version cannot carry", () => {
  const defaults = {
    label: "none",
    place: null,
    numbers: [],
    extra: "-",
    nested: { at: -1, list: [] },
  };
  assertEquals(hex(sample, 0, { ...required, ...defaults }), hex(sample, 0, required));
});

Deno.test("Codec refuses null where the version has none, both ways", () => {
  assertEquals(hex(sample, 1, { id: 1, points: null }), "00000001" + "0005" + "00" + "01" + "00");
  const error = assertThrows(() => hex(sample, 0, { id: 1, points: null }), KafkaError);
  assertEquals(error.kind, "UNSUPPORTED_VERSION");
  assertThrows(() => decode(0, "00000001" + "0005" + "ffffffff"), RangeError, "points");
  assertThrows(() => decode(1, "00000001" + "0005" + "01" + "00" + "00"), RangeError, "numbers");
  assertThrows(() => decode(0, "00000001" + "0005" + "fffffffe"), RangeError, "points");
});

Deno.test("Codec writes a presence byte before a nullable struct", () => {
  const present = hex(sample, 2, { ...required, place: { x: 9 } });
  assertEquals(
    present,
    "00000001" + "056e6f6e65" + "ffff" + "01" + "0000000900" + "01" + "01" + "00",
  );
  assertEquals(decode(2, present).place, { x: 9 });
  assertEquals(decode(2, hex(sample, 2, required)).place, null);
});

Deno.test("Codec writes tagged fields in ascending order and leaves out defaults", () => {
  const draft = {
    ...required,
    extra: "t",
    nested: { list: [] },
    unknownTags: [{ tag: 9, bytes: Uint8Array.of(1) }, { tag: 1, bytes: Uint8Array.of(2, 3) }],
  };
  assertEquals(
    hex(sample, 1, draft),
    "00000001" + "0005" + "01" + "01" + "03" + "00020274" + "01020203" + "090101",
  );
});

Deno.test("Codec keeps unknown tags, so that a message can be passed on", () => {
  const tags = fc.uniqueArray(
    fc.record({
      tag: fc.integer({ min: 4, max: 0xffff_ffff }),
      bytes: fc.uint8Array({ maxLength: 300 }),
    }),
    { selector: ({ tag }) => tag, minLength: 1 },
  );
  fc.assert(fc.property(tags, fc.boolean(), (unknownTags, withKnown) => {
    const known = withKnown ? { extra: "known", nested: { at: 4, list: ["a", "ü"] } } : {};
    const bytes = joined(encodeMessage(sample, 1, { ...required, ...known, unknownTags }));
    const decoded = decodeMessage(sample, 1, bytes);
    assertEquals(decoded.unknownTags, unknownTags.toSorted((a, b) => a.tag - b.tag));
    assertEquals(decoded.extra, withKnown ? "known" : "-");
    assertEquals(joined(encodeMessage(sample, 1, decoded)), bytes);
  }));
});

Deno.test("Codec writes a tagged struct of defaults if it has unknown tags", () => {
  const unknownTags = [{ tag: 1, bytes: Uint8Array.of(7) }];
  const bytes = joined(
    encodeMessage(sample, 1, { ...required, nested: { list: [], unknownTags } }),
  );
  assertEquals(decodeMessage(sample, 1, bytes).nested.unknownTags, unknownTags);
});

Deno.test("Codec refuses null in a version without the field when null is not the default", () => {
  const schema = message({
    name: "Spot",
    versions: "0-1",
    fields: { spot: struct({ versions: "1", nullable: true, fields: { x: int32() } }) },
  });
  assertEquals(hex(schema, 0, { spot: { x: 0 } }), "");
  assertThrows(() => hex(schema, 0, { spot: null }), KafkaError, "spot");
});

Deno.test("Codec refuses tags that are repeated, unordered or not as long as they say", () => {
  const body = "00000001" + "0005" + "01" + "01";
  const bad = [
    ["02" + "00020261" + "00020261", "Tag 0 after tag 0"],
    ["02" + "0900" + "0800", "Tag 8 after tag 9"],
    ["01" + "00030261ff", "Tag 0 is not 3 bytes long"],
    ["01" + "00010261", "Tag 0 is not 1 bytes long"],
    ["01" + "09ff01", "A length of 255, with 0 bytes left"],
    ["02" + "0900", "Cannot decode Sample v1"],
  ];
  for (const [tags, why] of bad) assertThrows(() => decode(1, body + tags), RangeError, why);
  const twice = [{ tag: 0, bytes: new Uint8Array(1) }];
  assertThrows(() => hex(sample, 1, { ...required, extra: "t", unknownTags: twice }), TypeError);
});

Deno.test("Codec round-trips any value of every version", () => {
  const label = fc.option(fc.string({ unit: "grapheme" }));
  const draft = fc.record({
    id: fc.integer({ min: -100, max: 100 }),
    points: fc.array(fc.record({ y: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) })),
    numbers: fc.array(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), { maxLength: 300 }),
    place: fc.option(fc.record({ x: fc.nat() })),
    nested: fc.record({ at: fc.nat(), list: fc.array(fc.string()) }),
    label,
  });
  fc.assert(fc.property(draft, (value) => {
    const decoded = decodeMessage(sample, 2, joined(encodeMessage(sample, 2, value)));
    assertEquals(decoded, { hint: -1, old: 5, extra: "-", ...value });
  }));
});

Deno.test("Codec refuses versions that do not exist", () => {
  for (const version of [-1, 3, 1000]) {
    const error = assertThrows(() => encodeMessage(sample, version, required), KafkaError);
    assertEquals(error.kind, "UNSUPPORTED_VERSION");
    assertThrows(() => decodeMessage(sample, version, new Uint8Array(9)), KafkaError);
  }
});

const carrier = message({
  name: "Carrier",
  versions: "0-1",
  flexible: "1+",
  fields: { payload: bytes({ nullable: true }), batches: records({ nullable: true }) },
});

Deno.test("Codec neither copies large bytes when it encodes nor any when it decodes", () => {
  const payload = new Uint8Array(5000).fill(1);
  const batches = [new Uint8Array(2000).fill(2), new Uint8Array(3000).fill(3)];
  for (const version of [0, 1]) {
    const slices = encodeMessage(carrier, version, { payload, batches });
    for (const given of [payload, ...batches]) assert(slices.includes(given));
    const frame = joined(slices);
    const decoded = decodeMessage(carrier, version, frame);
    assertEquals(decoded.payload, payload);
    assertEquals(decoded.batches, [joined(batches)]);
    assertEquals(decoded.payload!.buffer, frame.buffer);
    assertEquals(decoded.batches![0].buffer, frame.buffer);
  }
});

Deno.test("Codec tells null bytes from empty ones", () => {
  for (const version of [0, 1]) {
    for (const value of [null, new Uint8Array(0)]) {
      const batches = value && [];
      const encoded = joined(encodeMessage(carrier, version, { payload: value, batches }));
      assertEquals(decodeMessage(carrier, version, encoded), { payload: value, batches });
    }
  }
});

Deno.test("Codec takes no length but -1 for null", () => {
  assertEquals(decodeMessage(carrier, 0, new Uint8Array(8).fill(0xff)).payload, null);
  const bytes = Uint8Array.fromHex("fffffffe" + "ffffffff");
  assertThrows(() => decodeMessage(carrier, 0, bytes), RangeError, '"payload" has length -2');
});
