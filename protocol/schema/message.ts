/**
 * A message: name, versions and fields. The TypeScript types and the codec of every version come from it.
 *
 * @module
 */
import type { DraftFields, Fields, InferFields } from "./fields.ts";
import { includes, parseVersions, type VersionRange, type Versions } from "./versions.ts";

/** What is declared of a message. */
export interface MessageOptions {
  /** Kafka's name, e.g. `"ProduceRequest"`. */
  readonly name: string;
  /** Number of the API, of a request or response. */
  readonly apiKey?: number;
  /** Number of the record type, of a coordinator record's key. */
  readonly recordType?: number;
  /** The versions that exist. */
  readonly versions: Versions;
  /** The versions with compact lengths and tagged fields (KIP-482). */
  readonly flexible?: Versions;
  /** Whether the newest version may still change: it is not to be advertised. */
  readonly latestVersionUnstable?: true;
  readonly fields: Fields;
}

/** A message as the codec sees it. */
export interface Schema<F extends Fields = Fields> {
  readonly name: string;
  readonly apiKey?: number;
  readonly recordType?: number;
  readonly versions: VersionRange;
  /** null: no version is flexible. */
  readonly flexible: VersionRange | null;
  readonly latestVersionUnstable: boolean;
  readonly fields: F;
}

/** A decoded message. */
export type Infer<S extends Schema> = InferFields<S["fields"]>;

/** What is needed to encode a message: fields that some version lacks, tagged, ignorable or with a default may be left out. */
export type Draft<S extends Schema> = DraftFields<S["fields"]>;

/** Declares a message. */
export function message<const O extends MessageOptions>(options: O): Schema<O["fields"]> {
  const { versions, flexible, latestVersionUnstable, ...rest } = options;
  return {
    ...rest,
    versions: parseVersions(versions),
    flexible: flexible === undefined ? null : parseVersions(flexible),
    latestVersionUnstable: latestVersionUnstable ?? false,
  };
}

/** Whether `version` of the message has compact lengths and tagged fields. */
export function isFlexible(schema: Schema, version: number): boolean {
  return schema.flexible !== null && includes(schema.flexible, version);
}

/** The newest version that is not to change any more. */
export function latestStableVersion(schema: Schema): number {
  return schema.latestVersionUnstable ? schema.versions.max - 1 : schema.versions.max;
}
