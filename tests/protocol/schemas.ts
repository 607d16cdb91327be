/**
 * Every schema of the project.
 *
 * @module
 */
import * as consumerProtocol from "../../protocol/messages/consumer_protocol.ts";
import * as controlRecords from "../../protocol/messages/control_records.ts";
import * as headers from "../../protocol/messages/headers.ts";
import { API_MESSAGES } from "../../protocol/messages/mod.ts";
import * as principal from "../../protocol/messages/principal.ts";
import {
  GROUP_RECORDS,
  SHARE_STATE_RECORDS,
  TRANSACTION_RECORDS,
} from "../../protocol/messages/records/mod.ts";
import type { Schema } from "../../protocol/schema/mod.ts";

const records = [GROUP_RECORDS, TRANSACTION_RECORDS, SHARE_STATE_RECORDS];

/** Every schema of the project, by name. */
export const SCHEMAS: ReadonlyMap<string, Schema> = new Map(
  [
    ...[...API_MESSAGES.values()].flatMap(({ request, response }) => [request, response]),
    ...records.flatMap((types) => [...types.values()]).flatMap(({ key, value }) => [key, value]),
    ...[consumerProtocol, controlRecords, headers, principal].flatMap((module) =>
      Object.values(module)
    ),
  ].map((schema) => [schema.name, schema]),
);

/** Every version of every schema. */
export function* everyVersion(): Generator<{ readonly schema: Schema; readonly version: number }> {
  for (const schema of SCHEMAS.values()) {
    for (let version = schema.versions.min; version <= schema.versions.max; version++) {
      yield { schema, version };
    }
  }
}
