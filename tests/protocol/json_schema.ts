/**
 * Schemas made at run time from Kafka's message definitions, and values from its JSON: the second opinion that the
 * project's own schemas are held against.
 *
 * @module
 */
import { defaultOf } from "../../protocol/schema/defaults.ts";
import type { Field, Fields, ScalarKind } from "../../protocol/schema/fields.ts";
import { message, type Schema } from "../../protocol/schema/mod.ts";
import type { Versions } from "../../protocol/schema/versions.ts";
import {
  camelCase,
  type JsonField,
  type JsonMessage,
  type JsonProtocol,
} from "../../tools/generate/kafka_protocol.ts";

/** Every message of a protocol that has versions, requests and responses under their full names. */
export function messagesOf(protocol: JsonProtocol): readonly JsonMessage[] {
  const apis = protocol.apis.flatMap(({ name, request, response }) => [
    { ...request, name: `${name}Request` },
    { ...response, name: `${name}Response` },
  ]);
  const records = [
    ...protocol.groupCoordinatorRecords,
    ...protocol.transactionCoordinatorRecords,
    ...protocol.shareCoordinatorRecords,
  ].flatMap(({ key, value }) => [key, value]);
  const all = [...apis, ...protocol.headers, ...protocol.data, ...records];
  return all.filter(({ validVersions }) => validVersions !== "none");
}

/** The fields of a struct that a field refers to. */
export function structFields(field: JsonField, message: JsonMessage): readonly JsonField[] {
  const name = field.type.replace("[]", "");
  return field.fields ?? message.commonStructs!.find((struct) => struct.name === name)!.fields;
}

/** A schema from a definition. */
export function schemaFrom(definition: JsonMessage): Schema {
  return message({
    name: definition.name,
    versions: definition.validVersions as Versions,
    flexible: definition.flexibleVersions === "none"
      ? undefined
      : definition.flexibleVersions as Versions,
    fields: fieldsFrom(definition.fields, definition),
  });
}

function fieldsFrom(fields: readonly JsonField[], definition: JsonMessage): Fields {
  return Object.fromEntries(
    fields.map((field) => [camelCase(field.name), fieldFrom(field, definition)]),
  );
}

function fieldFrom(field: JsonField, definition: JsonMessage): Field {
  const type = field.type.replace("[]", "");
  const isArray = type !== field.type;
  const options = {
    versions: (field.versions ?? field.taggedVersions) as Versions,
    nullable: field.nullableVersions as Versions | undefined,
    tag: field.tag,
    default: defaultFrom(field),
    ignorable: field.ignorable || undefined as true | undefined,
  };
  if (!/^[A-Z]/.test(type)) {
    return isArray
      ? { ...options, kind: "array", of: type as ScalarKind }
      : { ...options, kind: type as ScalarKind };
  }
  const fields = fieldsFrom(structFields(field, definition), definition);
  return { ...options, kind: isArray ? "structs" : "struct", fields };
}

/** The default of a definition as our value; undefined where it has none. */
export function defaultFrom({ type, default: text }: JsonField): unknown {
  if (text === undefined || type === "string" && text !== "null") return text;
  if (text === "null") return null;
  if (type === "bool") return text === "true";
  return type === "int64" ? BigInt(text) : Number(text);
}

/** Names that the vectors' writer knew from definitions after 4.3, and what they are in 4.3: null if they are not. */
const NEWER_NAMES: ReadonlyMap<string, string | null> = new Map([
  ["clusterId", null],
  ["nodeId", null],
  ["generationIdOrMemberEpoch", "generationId"],
  ["acceptableRecoveryLagLegacy", "acceptableRecoveryLag"],
]);

/** A value of Kafka's JSON form as the value that is encoded. */
export function valueFrom(fields: Fields, json: unknown): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [given, content] of Object.entries(json as Readonly<Record<string, unknown>>)) {
    const name = given in fields ? given : NEWER_NAMES.get(given);
    if (name === undefined) throw new Error(`"${given}" is not declared`);
    if (name !== null) value[name] = fieldValue(fields[name], content);
  }
  return value;
}

function fieldValue(field: Field, json: unknown): unknown {
  if (json === null) return null;
  switch (field.kind) {
    case "struct":
      return valueFrom(field.fields!, json);
    case "structs":
      return (json as unknown[]).map((element) => valueFrom(field.fields!, element));
    case "array":
      return (json as unknown[]).map((element) => fieldValue({ kind: field.of! }, element));
    case "int64":
      return BigInt(json as number | bigint);
    case "bytes":
      return Uint8Array.fromBase64(json as string);
    case "records":
      return [Uint8Array.fromBase64(json as string)];
    default:
      return json;
  }
}

/** A struct with the fields that it leaves out: what decoding it gives. */
export function completed(fields: Fields, value: unknown): Record<string, unknown> {
  const struct = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const given = struct[name] === undefined ? defaultOf(field) : struct[name];
      if (given === null || field.fields === undefined) return [name, given];
      if (field.kind === "struct") return [name, completed(field.fields, given)];
      return [name, (given as unknown[]).map((element) => completed(field.fields!, element))];
    }),
  );
}
