/**
 * Settings as DescribeConfigs shows them: value, where it comes from, and what else would give one (KIP-226).
 *
 * @module
 */
import type { BrokerConfig, BrokerConfigSource } from "./broker_config.ts";
import type { ConfigDefinition, ConfigType } from "./definition.ts";
import {
  BROKER_DEFINITIONS,
  type BrokerConfigName,
  TOPIC_DEFINITIONS,
  type TopicConfigName,
} from "./definitions.ts";
import { brokerDocumentation, topicDocumentation } from "./effects.ts";
import { inheritedTexts } from "./topic_config.ts";
import { canonicalText } from "./value.ts";

/** Where a value comes from, as numbers on the wire. */
export const CONFIG_SOURCES = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
} as const satisfies Record<BrokerConfigSource | "DYNAMIC_TOPIC_CONFIG", number>;

const TYPES: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

const topicDefinitions = Object.entries(TOPIC_DEFINITIONS) as [TopicConfigName, ConfigDefinition][];
const brokerDefinitions = Object.entries(BROKER_DEFINITIONS) as [
  BrokerConfigName,
  ConfigDefinition,
][];

/** A place that gives a value for a setting. */
export interface ConfigSynonym {
  /** The setting that gives it: for a topic setting often a broker setting of another name. */
  readonly name: string;
  /** `null` when it is secret. */
  readonly value: string | null;
  /** One of {@linkcode CONFIG_SOURCES}. */
  readonly source: number;
}

/** A setting as DescribeConfigs shows it. */
export interface ConfigEntry extends ConfigSynonym {
  /** Every place that gives a value, the one that counts first. */
  readonly synonyms: readonly ConfigSynonym[];
  /** The number on the wire of Kafka's type. */
  readonly type: number;
  readonly readOnly: boolean;
  readonly sensitive: boolean;
  readonly documentation: string;
}

/**
 * The settings of a topic.
 *
 * @param names only these; `null` = all.
 */
export function describeTopicConfig(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig,
  names: ReadonlySet<string> | null,
): readonly ConfigEntry[] {
  const shown = topicDefinitions.filter(([name, definition]) =>
    isShown(name, definition, names, overrides.has(name))
  );
  return shown.map(([name, definition]) => {
    const own = overrides.get(name);
    const places = inheritedTexts(name, broker).map(({ name, source, text }) =>
      synonym(name, definition, text, CONFIG_SOURCES[source])
    );
    if (own !== undefined) {
      places.unshift(synonym(name, definition, own, CONFIG_SOURCES.DYNAMIC_TOPIC_CONFIG));
    }
    return entry(name, definition, places, {
      readOnly: false,
      documentation: topicDocumentation(name),
    });
  });
}

/**
 * The settings in force of a broker.
 *
 * @param names only these; `null` = all.
 */
export function describeBrokerConfig(
  broker: BrokerConfig,
  names: ReadonlySet<string> | null,
): readonly ConfigEntry[] {
  const shown = brokerDefinitions.filter(([name, definition]) =>
    isShown(name, definition, names, broker.isSet(name))
  );
  return shown.map(([name, definition]) => {
    const places = broker.layersOf(name).map(({ source, text }) =>
      synonym(name, definition, text, CONFIG_SOURCES[source])
    );
    return entry(name, definition, places, {
      readOnly: !definition.dynamic,
      documentation: brokerDocumentation(name),
    });
  });
}

/**
 * What was set while running for all brokers: the broker resource without a name.
 *
 * @param names only these; `null` = all.
 */
export function describeBrokerDefaults(
  perCluster: ReadonlyMap<string, string>,
  names: ReadonlySet<string> | null,
): readonly ConfigEntry[] {
  const source = CONFIG_SOURCES.DYNAMIC_DEFAULT_BROKER_CONFIG;
  return brokerDefinitions.flatMap(([name, definition]) => {
    const text = perCluster.get(name);
    if (text === undefined || !isShown(name, definition, names, true)) return [];
    const place = synonym(name, definition, text, source);
    return [
      entry(name, definition, [place], {
        readOnly: !definition.dynamic,
        documentation: brokerDocumentation(name),
      }),
    ];
  });
}

/** Whether a setting is asked for; an internal one is shown only where it was set. */
function isShown(
  name: string,
  definition: ConfigDefinition,
  names: ReadonlySet<string> | null,
  isSet: boolean,
): boolean {
  return (names === null || names.has(name)) && (isSet || !definition.internal);
}

function entry(
  name: string,
  definition: ConfigDefinition,
  synonyms: readonly ConfigSynonym[],
  rest: { readonly readOnly: boolean; readonly documentation: string },
): ConfigEntry {
  const { value, source } = synonyms[0] ??
    synonym(name, definition, definition.default, CONFIG_SOURCES.DEFAULT_CONFIG);
  const sensitive = isSensitive(definition);
  return { name, value, source, synonyms, type: TYPES[definition.type], sensitive, ...rest };
}

function synonym(
  name: string,
  definition: ConfigDefinition,
  text: string | null,
  source: number,
): ConfigSynonym {
  const hidden = text === null || isSensitive(definition);
  return { name, value: hidden ? null : canonicalText(definition, text), source };
}

function isSensitive(definition: ConfigDefinition): boolean {
  return definition.type === "password";
}
