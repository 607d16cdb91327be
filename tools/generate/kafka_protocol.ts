/**
 * The shape of `kafka-protocol.json`, Kafka's message definitions as one file.
 *
 * @module
 */

export interface JsonField {
  readonly name: string;
  readonly type: string;
  readonly versions?: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string;
  readonly ignorable?: boolean;
  readonly mapKey?: boolean;
  readonly entityType?: string;
  readonly flexibleVersions?: string;
  readonly fields?: readonly JsonField[];
}

export interface JsonStruct {
  readonly name: string;
  readonly versions: string;
  readonly fields: readonly JsonField[];
}

export interface JsonMessage {
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly commonStructs?: readonly JsonStruct[];
  readonly fields: readonly JsonField[];
}

export interface JsonApi {
  readonly apiKey: number;
  readonly name: string;
  readonly listeners?: readonly string[];
  readonly request: Omit<JsonMessage, "name">;
  readonly response: Omit<JsonMessage, "name">;
}

export interface JsonRecord {
  readonly recordType: number;
  readonly key: JsonMessage;
  readonly value: JsonMessage;
}

export interface JsonProtocol {
  readonly headers: readonly JsonMessage[];
  readonly apis: readonly JsonApi[];
  readonly data: readonly JsonMessage[];
  readonly groupCoordinatorRecords: readonly JsonRecord[];
  readonly transactionCoordinatorRecords: readonly JsonRecord[];
  readonly shareCoordinatorRecords: readonly JsonRecord[];
}

/** Kafka's field names in our case: `TopicId` is `topicId`. */
export function camelCase(name: string): string {
  return name[0].toLowerCase() + name.slice(1);
}

/** The versions of a range that lie in `bounds`; `"none"` has none of them. */
export function versionsIn(text: string, bounds: readonly number[]): readonly number[] {
  if (text === "none") return [];
  const [, low, open, high] = /^(\d+)(\+|-(\d+))?$/.exec(text)!;
  const max = open === undefined ? Number(low) : high === undefined ? Infinity : Number(high);
  return bounds.filter((version) => version >= Number(low) && version <= max);
}

/** The versions of a closed range. */
export function validVersions(message: { readonly validVersions: string }): readonly number[] {
  const everything = Array.from({ length: 64 }, (_, version) => version);
  return versionsIn(message.validVersions, everything);
}
