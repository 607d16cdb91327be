/**
 * Defaults of fields: what an absent field is read as, and what needs not be written.
 *
 * @module
 */
import { ZERO_UUID } from "../uuid.ts";
import type { Field, Fields, ScalarKind } from "./fields.ts";
import { lengthOf } from "./slices.ts";

const EMPTY: readonly never[] = Object.freeze([]);

const EMPTY_VALUES: Readonly<Record<ScalarKind, unknown>> = {
  bool: false,
  int8: 0,
  int16: 0,
  uint16: 0,
  int32: 0,
  uint32: 0,
  int64: 0n,
  float64: 0,
  string: "",
  uuid: ZERO_UUID,
  bytes: new Uint8Array(0),
  records: EMPTY,
};

/** The value of a field where it is absent. */
export function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return field.default;
  switch (field.kind) {
    case "array":
    case "structs":
      return EMPTY;
    case "struct":
      return defaultsOf(field.fields!);
    default:
      return EMPTY_VALUES[field.kind];
  }
}

/** A struct of nothing but defaults. */
export function defaultsOf(fields: Fields): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]),
  );
}

/** Makes the test whether a value of the field is its default; undefined, a field left out, always is. */
export function isDefaultFor(field: Field): (value: unknown) => boolean {
  const value = defaultOf(field);
  if (value !== null) {
    switch (field.kind) {
      case "array":
      case "structs":
      case "bytes":
        return (given) => given === undefined || (given !== null && countOf(given) === 0);
      case "records":
        return (given) =>
          given === undefined || (given !== null && lengthOf(given as readonly Uint8Array[]) === 0);
      case "struct":
        return isDefaultStruct(field.fields!);
    }
  }
  return (given) => given === undefined || given === value;
}

function isDefaultStruct(fields: Fields): (value: unknown) => boolean {
  const tests = Object.entries(fields).map(([name, field]) => ({
    name,
    test: isDefaultFor(field),
  }));
  return (given) => {
    if (given === undefined) return true;
    if (given === null) return false;
    const struct = given as Readonly<Record<string, unknown>>;
    return struct.unknownTags === undefined && tests.every(({ name, test }) => test(struct[name]));
  };
}

function countOf(value: unknown): number {
  return (value as ArrayLike<unknown>).length;
}
