/**
 * Compiles the encoder of one version of a message.
 *
 * @module
 */
import { KafkaError } from "../errors.ts";
import { defaultOf, isDefaultFor } from "./defaults.ts";
import type { Field, Fields, ScalarTypes, UnknownTag } from "./fields.ts";
import { type Member, shapeOf, type Version } from "./shape.ts";
import { lengthOf } from "./slices.ts";
import { Writer } from "./writer.ts";

/** Writes one value. */
export type Write<T = unknown> = (writer: Writer, value: T) => void;

type Struct = Readonly<Record<string, unknown>> & { readonly unknownTags?: readonly UnknownTag[] };

/** Compiles the encoder of a struct. */
export function compileEncoder(fields: Fields, version: Version): Write<Struct> {
  const { plain, tagged, absent } = shapeOf(fields, version);
  const steps = plain.map((member) => ({
    name: member.name,
    write: compile(member, version),
    fallback: mayBeLeftOut(member.field) ? defaultOf(member.field) : undefined,
  }));
  const refused = absent.filter(({ field }) => !field.ignorable).map(({ name, field }) => ({
    name,
    isDefault: isDefaultFor(field),
  }));
  const writeTags = version.flexible ? compileTags(tagged, version) : null;
  return (writer, struct) => {
    for (let i = 0; i < refused.length; i++) {
      const { name, isDefault } = refused[i];
      if (!isDefault(struct[name])) throw unsupported(name, version);
    }
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      const value = struct[step.name] ?? leftOut(struct, step.name, step.fallback);
      step.write(writer, value);
    }
    if (writeTags !== null) writeTags(writer, struct);
  };
}

/** Whether `Draft` lets a field be left out. */
function mayBeLeftOut(field: Field): boolean {
  return field.versions !== undefined || field.tag !== undefined || field.ignorable === true ||
    field.default !== undefined;
}

/** null where it was said, the default where nothing was. */
function leftOut(struct: Struct, name: string, fallback: unknown): unknown {
  if (struct[name] === null) return null;
  if (fallback === undefined) throw new TypeError(`"${name}" is missing`);
  return fallback;
}

function unsupported(name: string, version: Version): KafkaError {
  return new KafkaError(
    "UNSUPPORTED_VERSION",
    `"${name}" has a value, and version ${version.number} cannot carry one`,
  );
}

function compileTags(tagged: readonly Member[], version: Version): Write<Struct> {
  const known = tagged.map((member) => ({
    name: member.name,
    tag: member.field.tag!,
    isDefault: isDefaultFor(member.field),
    write: compile(member, version),
  }));
  return (writer, struct) => {
    const unknown = struct.unknownTags;
    let count = unknown === undefined ? 0 : unknown.length;
    for (let i = 0; i < known.length; i++) {
      if (!known[i].isDefault(struct[known[i].name])) count++;
    }
    writer.uvarint(count);
    if (count === 0) return;
    const tags: Tag[] = (unknown ?? []).map(({ tag, bytes }) => ({ tag, payload: [bytes] }));
    for (const { tag, name, isDefault, write } of known) {
      const value = struct[name];
      if (isDefault(value)) continue;
      const payload = new Writer();
      write(payload, value);
      tags.push({ tag, payload: payload.finish() });
    }
    writeSorted(writer, tags);
  };
}

interface Tag {
  readonly tag: number;
  readonly payload: readonly Uint8Array[];
}

function writeSorted(writer: Writer, tags: Tag[]): void {
  tags.sort((a, b) => a.tag - b.tag);
  let previous = -1;
  for (const { tag, payload } of tags) {
    if (tag === previous) throw new TypeError(`Tag ${tag} is there twice`);
    previous = tag;
    writer.uvarint(tag);
    writer.uvarint(lengthOf(payload));
    for (const slice of payload) writer.raw(slice);
  }
}

function compile(member: Member, version: Version): Write {
  const write = compileValue(member, version);
  const { name, field, nullable } = member;
  const compact = version.flexible && field.flexible !== "none";
  const writeNull: ((writer: Writer) => void) | null = !nullable
    ? null
    : field.kind === "struct"
    ? (writer) => writer.int8(-1)
    : compact
    ? (writer) => writer.uvarint(0)
    : field.kind === "string"
    ? (writer) => writer.int16(-1)
    : (writer) => writer.int32(-1);
  return (writer, value) => {
    if (value !== null) write(writer, value);
    else if (writeNull !== null) writeNull(writer);
    else throw unsupportedNull(name, version);
  };
}

function unsupportedNull(name: string, version: Version): KafkaError {
  return new KafkaError(
    "UNSUPPORTED_VERSION",
    `"${name}" is null, and version ${version.number} cannot carry that`,
  );
}

function compileValue({ field, nullable }: Member, version: Version): Write {
  const compact = version.flexible && field.flexible !== "none";
  const writeLength: Write<number> = compact
    ? (writer, length) => writer.uvarint(length + 1)
    : (writer, length) => writer.int32(length);
  switch (field.kind) {
    case "string":
      return write<string>((writer, text) => {
        if (compact) writer.compactString(text);
        else writer.string(text);
      });
    case "bytes":
      return write<Uint8Array>((writer, bytes) => {
        writeLength(writer, bytes.length);
        writer.raw(bytes);
      });
    case "records":
      return write<readonly Uint8Array[]>((writer, slices) => {
        writeLength(writer, lengthOf(slices));
        for (let i = 0; i < slices.length; i++) writer.raw(slices[i]);
      });
    case "array":
    case "structs": {
      const writeElement = field.kind === "structs"
        ? write(compileEncoder(field.fields!, version))
        : compile({ name: "element", field: { kind: field.of! }, nullable: false }, version);
      return write<readonly unknown[]>((writer, elements) => {
        writeLength(writer, elements.length);
        for (let i = 0; i < elements.length; i++) writeElement(writer, elements[i]);
      });
    }
    case "struct": {
      const writeStruct = compileEncoder(field.fields!, version);
      return write<Struct>((writer, struct) => {
        if (nullable) writer.int8(1);
        writeStruct(writer, struct);
      });
    }
    default:
      return FIXED[field.kind] as Write;
  }
}

/** The compiler has checked what is written against the field's type, in `Draft`. */
function write<T>(typed: Write<T>): Write {
  return typed as Write;
}

const FIXED: { readonly [K in FixedKind]: Write<ScalarTypes[K]> } = {
  bool: (writer, value) => writer.bool(value),
  int8: (writer, value) => writer.int8(value),
  int16: (writer, value) => writer.int16(value),
  uint16: (writer, value) => writer.uint16(value),
  int32: (writer, value) => writer.int32(value),
  uint32: (writer, value) => writer.uint32(value),
  int64: (writer, value) => writer.int64(value),
  float64: (writer, value) => writer.float64(value),
  uuid: (writer, value) => writer.uuid(value),
};

type FixedKind =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "float64"
  | "uuid";
