/**
 * What is known of one setting: its type, its default and which values are legal.
 *
 * @module
 */

/** Kafka's types of settings (`org.apache.kafka.common.config.ConfigDef.Type`). */
export type ConfigType =
  | "boolean"
  | "string"
  | "int"
  | "short"
  | "long"
  | "double"
  | "list"
  | "password"
  | "class";

/** Which values of the right type are legal. */
export type ConfigRule =
  /** A number between two bounds, both included; either may be missing. */
  | { readonly min?: number; readonly max?: number }
  /** One of these words. */
  | { readonly oneOf: readonly string[]; readonly ignoreCase?: true }
  /** A list without duplicates, of these words or (`null`) of any; `emptyAllowed` is true when it is missing. */
  | { readonly listOf: readonly string[] | null; readonly emptyAllowed?: false }
  /** A rule of its own. */
  | { readonly named: NamedRule };

/** Rules that no bounds and no list of words can express. */
export type NamedRule =
  | "not empty"
  | "not null"
  | "-1 or 1 to 9"
  | "unlimited or at least 1"
  | "throttled replicas"
  | "host:port list"
  | "id@host:port list"
  | "host:number list";

/** One setting. */
export interface ConfigDefinition {
  readonly type: ConfigType;
  /** The default as text, exactly as DescribeConfigs shows it; `null` = no value unless one is set. */
  readonly default: string | null;
  readonly rule?: ConfigRule;
  readonly importance: "high" | "medium" | "low";
  /** Broker settings only: it can be changed while the broker runs. Topic settings always can. */
  readonly dynamic?: true;
  /** Not part of Kafka's public interface: shown only when it is set. */
  readonly internal?: true;
  /** One sentence of what it does here. */
  readonly documentation?: string;
}

/** Settings by name. */
export type ConfigDefinitions = Readonly<Record<string, ConfigDefinition>>;
