/** What has settings: a topic by its name, a broker by its id (empty: the default of all brokers), … */
export interface ConfigResource {
  /** What it is. */
  readonly type: ResourceType;
  /** Which one. */
  readonly name: string;
}

/** Kinds of things that have settings. */
export type ResourceType = "topic" | "broker" | "brokerLogger" | "clientMetrics" | "group";

const RESOURCE_CODES: Readonly<Record<ResourceType, number>> = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
};

/** Where a value comes from. */
export type ConfigSource =
  | "unknown"
  | "dynamicTopic"
  | "dynamicBroker"
  | "dynamicDefaultBroker"
  | "staticBroker"
  | "default"
  | "dynamicBrokerLogger"
  | "clientMetrics"
  | "group";

/** By the number on the wire. Source: `DescribeConfigsResponse.ConfigSource`. */
const SOURCES: readonly ConfigSource[] = [
  "unknown",
  "dynamicTopic",
  "dynamicBroker",
  "dynamicDefaultBroker",
  "staticBroker",
  "default",
  "dynamicBrokerLogger",
  "clientMetrics",
  "group",
];

/** Types of settings. */
export type ConfigType =
  | "unknown"
  | "boolean"
  | "string"
  | "int"
  | "short"
  | "long"
  | "double"
  | "list"
  | "class"
  | "password";

/** By the number on the wire. Source: `DescribeConfigsResponse.ConfigType`. */
const VALUE_TYPES: readonly ConfigType[] = [
  "unknown",
  "boolean",
  "string",
  "int",
  "short",
  "long",
  "double",
  "list",
  "class",
  "password",
];

/** Ways to change a setting: replace it, go back to its default, add to a list, take from a list. */
export type ConfigOperation = "set" | "delete" | "append" | "subtract";

const OPERATION_CODES: Readonly<Record<ConfigOperation, number>> = {
  set: 0,
  delete: 1,
  append: 2,
  subtract: 3,
};

/** One change of a setting. */
export interface ConfigChange {
  /** Kafka's name of the setting, e.g. `retention.ms`. */
  readonly name: string;
  /** Default `set`. */
  readonly operation?: ConfigOperation;
  /** Left out with `delete`. */
  readonly value?: string;
}

/** One setting. */
export interface ConfigEntry {
  /** Kafka's name of the setting, e.g. `retention.ms`. */
  readonly name: string;
  /** null when it is sensitive, or has none. */
  readonly value: string | null;
  /** Where the value comes from. */
  readonly source: ConfigSource;
  /** What the value has to be. */
  readonly type: ConfigType;
  /** Whether it can be changed only by starting the broker anew. */
  readonly isReadOnly: boolean;
  /** Whether its value is kept secret. */
  readonly isSensitive: boolean;
  /** What the value would fall back to, nearest first; only if asked for. */
  readonly synonyms: readonly {
    readonly name: string;
    readonly value: string | null;
    readonly source: ConfigSource;
  }[];
  /** Only if asked for. */
  readonly documentation: string | null;
}

/** The number of a kind of resource. */
export function resourceCode(type: ResourceType): number {
  return RESOURCE_CODES[type];
}

/** The number of an operation. */
export function operationCode(operation: ConfigOperation = "set"): number {
  return OPERATION_CODES[operation];
}

/** Where a value comes from, by number. */
export function sourceName(code: number): ConfigSource {
  return SOURCES[code] ?? "unknown";
}

/** The type of a setting, by number. */
export function typeName(code: number): ConfigType {
  return VALUE_TYPES[code] ?? "unknown";
}
