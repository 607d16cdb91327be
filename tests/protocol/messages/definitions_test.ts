import { assert, assertEquals } from "@std/assert";
import { API_MESSAGES } from "../../../protocol/messages/mod.ts";
import {
  GROUP_RECORDS,
  SHARE_STATE_RECORDS,
  TRANSACTION_RECORDS,
} from "../../../protocol/messages/records/mod.ts";
import type { Field, Fields } from "../../../protocol/schema/fields.ts";
import { isFlexible } from "../../../protocol/schema/mod.ts";
import { includes, parseVersions, type Versions } from "../../../protocol/schema/versions.ts";
import {
  camelCase,
  type JsonField,
  type JsonMessage,
  validVersions,
  versionsIn,
} from "../../../tools/generate/kafka_protocol.ts";
import { defaultFrom, messagesOf, structFields } from "../json_schema.ts";
import { SCHEMAS } from "../schemas.ts";
import { kafkaProtocol } from "../vectors.ts";

const protocol = kafkaProtocol();
const ignore = protocol === null;

Deno.test({ name: "API table holds exactly the APIs of Kafka's broker listener", ignore }, () => {
  const expected = protocol!.apis.filter(({ listeners }) => listeners?.includes("broker"));
  assertEquals(API_MESSAGES.size, 77);
  assertEquals(
    [...API_MESSAGES.values()].map(({ key, name, request, response, listeners }) => ({
      key,
      name,
      listeners,
      requestName: request.name,
      responseName: response.name,
      apiKeys: [request.apiKey, response.apiKey],
    })),
    expected.map(({ apiKey, name, listeners }) => ({
      key: apiKey,
      name,
      listeners: listeners!.toSorted() as ("broker" | "controller")[],
      requestName: `${name}Request`,
      responseName: `${name}Response`,
      apiKeys: [apiKey, apiKey],
    })),
  );
});

Deno.test({ name: "Record tables hold exactly the coordinators' records", ignore }, () => {
  const tables = [
    [GROUP_RECORDS, protocol!.groupCoordinatorRecords],
    [TRANSACTION_RECORDS, protocol!.transactionCoordinatorRecords],
    [SHARE_STATE_RECORDS, protocol!.shareCoordinatorRecords],
  ] as const;
  for (const [table, expected] of tables) {
    assertEquals(
      [...table].map(([type, { key, value }]) => [type, key.recordType, key.name, value.name]),
      expected.map(({ recordType, key, value }) => [recordType, recordType, key.name, value.name]),
    );
  }
});

Deno.test({ name: "Every schema agrees with Kafka's definition field by field", ignore }, () => {
  const definitions = new Map(messagesOf(protocol!).map((message) => [message.name, message]));
  for (const schema of SCHEMAS.values()) {
    const definition = definitions.get(schema.name);
    assert(definition, `Kafka has no ${schema.name}`);
    const versions = validVersions(definition);
    assertEquals(schema.versions, { min: versions[0], max: versions.at(-1)! }, schema.name);
    assertEquals(schema.latestVersionUnstable, definition.latestVersionUnstable ?? false);
    assertEquals(
      versions.filter((version) => isFlexible(schema, version)),
      versionsIn(definition.flexibleVersions, versions),
      schema.name,
    );
    compareFields(schema.fields, definition.fields, versions, definition, schema.name);
  }
  assertEquals(SCHEMAS.size, 2 * 77 + 2 * 25 + 10 + 2);
});

function compareFields(
  fields: Fields,
  expected: readonly JsonField[],
  versions: readonly number[],
  definition: JsonMessage,
  path: string,
): void {
  assertEquals(Object.keys(fields), expected.map(({ name }) => camelCase(name)), path);
  for (const json of expected) {
    const name = camelCase(json.name);
    compareField(fields[name], json, versions, definition, `${path}.${name}`);
  }
}

function compareField(
  field: Field,
  json: JsonField,
  parentVersions: readonly number[],
  definition: JsonMessage,
  path: string,
): void {
  const present = versionsIn(json.versions ?? json.taggedVersions!, parentVersions);
  assertEquals(versionsWithin(field.versions ?? true, parentVersions), present, path);
  assertEquals(
    versionsWithin(field.nullable, present),
    versionsIn(json.nullableVersions ?? "none", present),
    path,
  );
  assertEquals(
    field.tag === undefined ? [] : present,
    versionsIn(json.taggedVersions ?? "none", present),
  );
  assertEquals(
    [typeOf(field), field.tag, field.default, field.ignorable, field.mapKey, field.entity],
    [
      json.type.replace(/[A-Z].*/, "struct"),
      json.tag,
      defaultFrom(json),
      json.ignorable,
      json.mapKey,
      json.entityType,
    ],
    path,
  );
  assertEquals(field.flexible, json.flexibleVersions as Field["flexible"], path);
  if (field.fields) {
    compareFields(field.fields, structFields(json, definition), present, definition, path);
  }
}

function versionsWithin(
  versions: Versions | true | undefined,
  bounds: readonly number[],
): readonly number[] {
  if (versions === undefined) return [];
  if (versions === true) return bounds;
  const range = parseVersions(versions);
  return bounds.filter((version) => includes(range, version));
}

function typeOf({ kind, of }: Field): string {
  if (kind === "array") return `[]${of}`;
  return kind === "structs" ? "[]struct" : kind;
}
