/**
 * Compiles the decoder of one version of a message.
 *
 * @module
 */
import { defaultOf } from "./defaults.ts";
import type { Field, Fields, UnknownTag } from "./fields.ts";
import type { Reader } from "./reader.ts";
import { elementBytesMin, type Member, shapeOf, type Version } from "./shape.ts";

/** Reads one value. */
export type Read<T = unknown> = (reader: Reader) => T;

type Struct = Record<string, unknown>;

/** Compiles the decoder of a struct. */
export function compileDecoder(fields: Fields, version: Version): Read<Struct> {
  const { plain, tagged, absent } = shapeOf(fields, version);
  const preset = [...tagged, ...absent].map(({ name, field }) => ({
    name,
    value: defaultOf(field),
  }));
  const steps = plain.map((member) => ({ name: member.name, read: compile(member, version) }));
  const readTags = version.flexible ? compileTags(tagged, version) : null;
  return (reader) => {
    const struct: Struct = {};
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      struct[step.name] = step.read(reader);
    }
    for (let i = 0; i < preset.length; i++) struct[preset[i].name] = preset[i].value;
    if (readTags !== null) readTags(reader, struct);
    return struct;
  };
}

function compileTags(
  tagged: readonly Member[],
  version: Version,
): (reader: Reader, struct: Struct) => void {
  const known = new Map(tagged.map((member) => [
    member.field.tag!,
    { name: member.name, read: compile(member, version) },
  ]));
  return (reader, struct) => {
    const count = reader.uvarint();
    if (count === 0) return;
    const { unknownTagsMax, dropsUnknownTags } = reader.limits;
    let previous = -1;
    let unknownCount = 0;
    const unknown: UnknownTag[] = [];
    for (let i = 0; i < count; i++) {
      const tag = reader.uvarint();
      if (tag <= previous) throw new RangeError(`Tag ${tag} after tag ${previous}`);
      previous = tag;
      const size = reader.uvarint();
      const field = known.get(tag);
      if (field === undefined) {
        if (++unknownCount > unknownTagsMax) {
          throw new RangeError(`More than ${unknownTagsMax} unknown tags`);
        }
        reader.admitTag();
        if (dropsUnknownTags) reader.skip(size);
        else unknown.push({ tag, bytes: reader.view(size) });
        continue;
      }
      const end = reader.position + size;
      struct[field.name] = field.read(reader);
      if (reader.position !== end) throw new RangeError(`Tag ${tag} is not ${size} bytes long`);
    }
    if (unknown.length > 0) struct.unknownTags = unknown;
  };
}

function compile({ field, nullable, name }: Member, version: Version): Read {
  const compact = version.flexible && field.flexible !== "none";
  const orNull = <T>(length: Read<number>, read: (reader: Reader, length: number) => T): Read => {
    return (reader) => {
      const size = length(reader);
      if (size >= 0) return read(reader, size);
      if (!nullable || size !== -1) throw new RangeError(`"${name}" has length ${size}`);
      return null;
    };
  };
  const length = compact ? compactLength : int32;
  switch (field.kind) {
    case "string":
      return orNull(compact ? compactLength : int16, (reader, size) => reader.string(size));
    case "bytes":
      return orNull(length, (reader, size) => reader.view(size));
    case "records":
      return orNull(length, (reader, size) => size === 0 ? [] : [reader.view(size)]);
    case "array":
    case "structs":
      return orNull(length, compileElements(field, version));
    case "struct": {
      const read = compileDecoder(field.fields!, version);
      return nullable ? (reader) => reader.int8() < 0 ? null : read(reader) : read;
    }
    default:
      return FIXED[field.kind];
  }
}

function compileElements(
  field: Field,
  version: Version,
): (reader: Reader, count: number) => unknown[] {
  const least = elementBytesMin(field, version);
  const read = field.kind === "structs"
    ? compileDecoder(field.fields!, version)
    : compile({ name: "element", field: { kind: field.of! }, nullable: false }, version);
  return (reader, count) => {
    reader.admit(count, least);
    const elements: unknown[] = [];
    for (let i = 0; i < count; i++) elements.push(read(reader));
    return elements;
  };
}

const int16: Read<number> = (reader) => reader.int16();
const int32: Read<number> = (reader) => reader.int32();
const compactLength: Read<number> = (reader) => reader.uvarint() - 1;

const FIXED = {
  bool: (reader) => reader.bool(),
  int8: (reader) => reader.int8(),
  int16,
  uint16: (reader) => reader.uint16(),
  int32,
  uint32: (reader) => reader.uint32(),
  int64: (reader) => reader.int64(),
  float64: (reader) => reader.float64(),
  uuid: (reader) => reader.uuid(),
} satisfies Record<string, Read>;
