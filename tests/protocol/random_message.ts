/**
 * Random messages of any schema, from a seed.
 *
 * @module
 */
import { defaultOf } from "../../protocol/schema/defaults.ts";
import type { Field, Fields, ScalarKind } from "../../protocol/schema/fields.ts";
import { isFlexible, type Schema } from "../../protocol/schema/mod.ts";
import { shapeOf, type Version } from "../../protocol/schema/shape.ts";
import { uuidFromBytes } from "../../protocol/uuid.ts";

/** A small generator of random numbers (xorshift32): the same seed, the same numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % end;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

const TEXTS = [
  "",
  "a",
  "orders",
  "a-name-of-more-than-sixteen-bytes",
  "größe",
  "日本語",
  "🦀",
  "\ufeffbom",
];

/** A message in its decoded form: what the version lacks has its default. */
export function randomMessage(
  schema: Schema,
  version: number,
  random: Random,
): Record<string, unknown> {
  const number = { number: version, flexible: isFlexible(schema, version) };
  return randomStruct(schema.fields, number, random);
}

function randomStruct(fields: Fields, version: Version, random: Random): Record<string, unknown> {
  const { plain, tagged, absent } = shapeOf(fields, version);
  const struct: Record<string, unknown> = {};
  for (const { name, field } of absent) struct[name] = defaultOf(field);
  for (const { name, field, nullable } of [...plain, ...tagged]) {
    const isDefault = field.tag !== undefined && random.below(2) === 0;
    if (isDefault) struct[name] = defaultOf(field);
    else if (nullable && random.below(4) === 0) struct[name] = null;
    else struct[name] = randomValue(field, version, random);
  }
  if (version.flexible && random.below(8) === 0) {
    struct.unknownTags = [{
      tag: 1000 + random.below(1 << 20),
      bytes: random.bytes(random.below(9)),
    }];
  }
  return struct;
}

function randomValue(field: Field, version: Version, random: Random): unknown {
  const elements = { length: random.below(4) };
  switch (field.kind) {
    case "struct":
      return randomStruct(field.fields!, version, random);
    case "structs":
      return Array.from(elements, () => randomStruct(field.fields!, version, random));
    case "array":
      return Array.from(elements, () => randomScalar(field.of!, random));
    default:
      return randomScalar(field.kind, random);
  }
}

function randomScalar(kind: ScalarKind, random: Random): unknown {
  const view = new DataView(random.bytes(8).buffer);
  switch (kind) {
    case "bool":
      return random.below(2) === 1;
    case "int8":
      return view.getInt8(0);
    case "int16":
      return view.getInt16(0);
    case "uint16":
      return view.getUint16(0);
    case "int32":
      return view.getInt32(0);
    case "uint32":
      return view.getUint32(0);
    case "int64":
      return view.getBigInt64(0);
    case "float64":
      return view.getInt32(0) / 64;
    case "string":
      return TEXTS[random.below(TEXTS.length)];
    case "uuid":
      return uuidFromBytes(random.bytes(16));
    case "bytes":
      return random.bytes(random.below(12));
    case "records":
      return random.below(4) === 0 ? [] : [random.bytes(1 + random.below(3000))];
  }
}
