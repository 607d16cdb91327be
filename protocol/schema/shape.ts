/**
 * A struct as one version has it: what both directions of the codec are compiled from.
 *
 * @module
 */
import { InvariantError } from "../errors.ts";
import type { Field, Fields } from "./fields.ts";
import { includes, parseVersions, type Versions } from "./versions.ts";

/** A version of a message, and whether it is flexible (KIP-482). */
export interface Version {
  readonly number: number;
  readonly flexible: boolean;
}

/** One field of a struct in one version. */
export interface Member {
  readonly name: string;
  readonly field: Field;
  readonly nullable: boolean;
}

/** The fields of a struct in one version, sorted by how they travel. */
export interface Shape {
  /** One after another, in this order. */
  readonly plain: readonly Member[];
  /** In the section at the end of the struct. */
  readonly tagged: readonly Member[];
  /** Not in this version. */
  readonly absent: readonly Member[];
}

/** Sorts the fields of a struct for one version. */
export function shapeOf(fields: Fields, version: Version): Shape {
  const plain: Member[] = [];
  const tagged: Member[] = [];
  const absent: Member[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const member = { name, field, nullable: isNullable(field, version.number) };
    if (!isIn(field.versions, version.number)) absent.push(member);
    else if (field.tag === undefined) plain.push(member);
    else tagged.push(member);
  }
  if (tagged.length > 0 && !version.flexible) {
    throw new InvariantError(`"${tagged[0].name}" is tagged in a version that is not flexible`);
  }
  return { plain, tagged, absent };
}

/** Fewest bytes that a struct takes in one version. */
export function structBytesMin(fields: Fields, version: Version): number {
  const { plain } = shapeOf(fields, version);
  const body = plain.reduce((sum, member) => sum + memberBytesMin(member, version), 0);
  return version.flexible ? body + 1 : body;
}

/** Fewest bytes that an element of an array takes. */
export function elementBytesMin(field: Field, version: Version): number {
  const least = field.kind === "structs"
    ? structBytesMin(field.fields!, version)
    : bytesMin({ kind: field.of! }, version);
  // Otherwise a count of elements would not be bounded by the bytes that hold them.
  if (least < 1) throw new InvariantError("An array element takes no bytes");
  return least;
}

function memberBytesMin({ field, nullable }: Member, version: Version): number {
  return nullable && field.kind === "struct" ? 1 : bytesMin(field, version);
}

function bytesMin(field: Field, version: Version): number {
  const compact = version.flexible && field.flexible !== "none";
  switch (field.kind) {
    case "bool":
    case "int8":
      return 1;
    case "int16":
    case "uint16":
      return 2;
    case "int32":
    case "uint32":
      return 4;
    case "int64":
    case "float64":
      return 8;
    case "uuid":
      return 16;
    case "string":
      return compact ? 1 : 2;
    case "struct":
      return structBytesMin(field.fields!, version);
    default:
      return compact ? 1 : 4;
  }
}

function isNullable(field: Field, version: number): boolean {
  return field.nullable === true || (field.nullable !== undefined && isIn(field.nullable, version));
}

function isIn(versions: Versions | undefined, version: number): boolean {
  return versions === undefined || includes(parseVersions(versions), version);
}
