/** What has settings: a topic by its name, a broker by its id (empty: the default of all brokers), … */
export interface ConfigResource {
  readonly type: ResourceType;
  readonly name: string;
}

/** Kinds of things that have settings, by their number on the wire. */
const RESOURCE_TYPES = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
} as const;

/** Kinds of things that have settings. */
export type ResourceType = keyof typeof RESOURCE_TYPES;

/** Where a value comes from, by the number on the wire. Source: `DescribeConfigsResponse.ConfigSource`. */
const SOURCES = [
  "unknown",
  "dynamicTopic",
  "dynamicBroker",
  "dynamicDefaultBroker",
  "staticBroker",
  "default",
  "dynamicBrokerLogger",
  "clientMetrics",
  "group",
] as const;

/** Where a value comes from. */
export type ConfigSource = typeof SOURCES[number];

/** Types of settings, by the number on the wire. Source: `DescribeConfigsResponse.ConfigType`. */
const VALUE_TYPES = [
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
] as const;

/** Types of settings. */
export type ConfigType = typeof VALUE_TYPES[number];

/** Ways to change a setting: replace it, go back to its default, add to or take from a list; by number on the wire. */
const OPERATIONS = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** One change of a setting. */
export interface ConfigChange {
  readonly name: string;
  /** Default `set`. */
  readonly operation?: keyof typeof OPERATIONS;
  /** Left out with `delete`. */
  readonly value?: string;
}

/** One setting. */
export interface ConfigEntry {
  readonly name: string;
  /** null when it is sensitive, or has none. */
  readonly value: string | null;
  readonly source: ConfigSource;
  readonly type: ConfigType;
  readonly isReadOnly: boolean;
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
  return RESOURCE_TYPES[type];
}

/** The number of an operation. */
export function operationCode(operation: keyof typeof OPERATIONS = "set"): number {
  return OPERATIONS[operation];
}

/** Where a value comes from, by number. */
export function sourceName(code: number): ConfigSource {
  return SOURCES[code] ?? "unknown";
}

/** The type of a setting, by number. */
export function typeName(code: number): ConfigType {
  return VALUE_TYPES[code] ?? "unknown";
}
