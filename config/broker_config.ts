/**
 * The settings of a broker, in layers.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import { copiesComplaint } from "./copies.ts";
import type { ConfigDefinition } from "./definition.ts";
import {
  BROKER_DEFINITIONS,
  type BrokerConfigName,
  type BrokerConfigOf,
  type MaybeUnset,
} from "./definitions.ts";
import { checkTopicDefaults } from "./topic_config.ts";
import { type ConfigValue, parseValue } from "./value.ts";

/** Where a setting's value can come from, the one that counts first; the names are Kafka's (`ConfigEntry.ConfigSource`). */
export type BrokerConfigSource =
  /** Set while running, for this broker. */
  | "DYNAMIC_BROKER_CONFIG"
  /** Set while running, for all brokers. */
  | "DYNAMIC_DEFAULT_BROKER_CONFIG"
  /** Given at start. */
  | "STATIC_BROKER_CONFIG"
  | "DEFAULT_CONFIG";

/** The text that one layer gives for a setting. */
export interface LayeredText {
  /** Which layer. */
  readonly source: BrokerConfigSource;
  /** As it was given. */
  readonly text: string;
}

type Texts = ReadonlyMap<string, string>;

const NONE: Texts = new Map();
const definitions: ReadonlyMap<string, ConfigDefinition> = new Map(
  Object.entries(BROKER_DEFINITIONS),
);
const defaults: ReadonlyMap<string, ConfigValue> = new Map(
  [...definitions].flatMap(([name, definition]) =>
    definition.default === null ? [] : [[name, parseValue(name, definition, definition.default)]]
  ),
);

/**
 * The settings of a broker: a value that never changes. What is set while the broker runs gives a new one
 * ({@linkcode BrokerConfig.withDynamic}).
 *
 * The names of the settings, and which of them have which type, are known to the compiler.
 */
export class BrokerConfig {
  /** All defaults. */
  static readonly defaults = new BrokerConfig(NONE, NONE, NONE);

  readonly #layers: readonly (readonly [BrokerConfigSource, Texts])[];
  readonly #values: ReadonlyMap<string, ConfigValue>;

  private constructor(fixed: Texts, perCluster: Texts, perBroker: Texts) {
    this.#layers = [
      ["DYNAMIC_BROKER_CONFIG", perBroker],
      ["DYNAMIC_DEFAULT_BROKER_CONFIG", perCluster],
      ["STATIC_BROKER_CONFIG", fixed],
    ];
    this.#values = new Map(
      [...fixed, ...perCluster, ...perBroker].map((
        [name, text],
      ) => [name, parseValue(name, brokerDefinition(name), text)]),
    );
  }

  /**
   * The settings given at start.
   *
   * @param entries the last one of a name counts.
   * @throws ConfigError on an unknown name, a wrong type, a value out of range, or values that contradict each other:
   *   one clear line.
   */
  static parse(entries: Iterable<readonly [name: string, text: string]>): BrokerConfig {
    const config = new BrokerConfig(new Map(entries), NONE, NONE);
    config.#checkTogether();
    return config;
  }

  /**
   * These settings with others on top that were set while running, in place of any set so before. What this version
   * does not know or does not allow (a newer one may have stored it) is left out, as Kafka does.
   */
  withDynamic(
    perCluster: ReadonlyMap<string, string>,
    perBroker: ReadonlyMap<string, string>,
  ): BrokerConfig {
    const [, , [, fixed]] = this.#layers;
    return new BrokerConfig(fixed, onlyUsable(perCluster), onlyUsable(perBroker));
  }

  /**
   * These settings with those of one layer replaced, as they would be.
   *
   * @param perBroker whether for this broker, or for all.
   * @throws ConfigError when one is unknown or illegal, or nobody could live with what they give together.
   */
  withLayer(perBroker: boolean, texts: ReadonlyMap<string, string>): BrokerConfig {
    const [[, ofBroker], [, ofCluster], [, fixed]] = this.#layers;
    const config = perBroker
      ? new BrokerConfig(fixed, ofCluster, texts)
      : new BrokerConfig(fixed, texts, ofBroker);
    checkTopicDefaults(config);
    config.#checkConnections();
    return config;
  }

  /** What was given at start, by name. */
  get given(): ReadonlyMap<string, string> {
    return this.#layers[2][1];
  }

  /** A setting of type `int` or `short`. */
  int<N extends BrokerConfigOf<"int" | "short">>(name: N): MaybeUnset<N, number> {
    return this.#value(name) as MaybeUnset<N, number>;
  }

  /** A setting of type `long`; beyond ±2^53 (they mean "no limit") it is rounded. */
  long<N extends BrokerConfigOf<"long">>(name: N): MaybeUnset<N, number> {
    return this.#value(name) as MaybeUnset<N, number>;
  }

  /** A setting of type `double`. */
  double<N extends BrokerConfigOf<"double">>(name: N): MaybeUnset<N, number> {
    return this.#value(name) as MaybeUnset<N, number>;
  }

  /** A setting of type `boolean`. */
  boolean<N extends BrokerConfigOf<"boolean">>(name: N): MaybeUnset<N, boolean> {
    return this.#value(name) as MaybeUnset<N, boolean>;
  }

  /** A setting of type `string`, `class` or `password`. */
  string<N extends BrokerConfigOf<"string" | "class" | "password">>(
    name: N,
  ): MaybeUnset<N, string> {
    return this.#value(name) as MaybeUnset<N, string>;
  }

  /** A setting of type `list`. */
  list<N extends BrokerConfigOf<"list">>(name: N): MaybeUnset<N, readonly string[]> {
    return this.#value(name) as MaybeUnset<N, readonly string[]>;
  }

  /** The exact text of a setting of any type; `null` when it has no value. */
  text(name: BrokerConfigName): string | null {
    return this.layersOf(name)[0]?.text ?? null;
  }

  /** Whether it was set, at start or while running. */
  isSet(name: BrokerConfigName): boolean {
    return this.#values.has(name);
  }

  /** What each layer gives for a setting, the one that counts first; the default, if there is one, is last. */
  layersOf(name: BrokerConfigName): readonly LayeredText[] {
    const layers: LayeredText[] = [];
    for (const [source, texts] of this.#layers) {
      const text = texts.get(name);
      if (text !== undefined) layers.push({ source, text });
    }
    const fallback = brokerDefinition(name).default;
    if (fallback !== null) layers.push({ source: "DEFAULT_CONFIG", text: fallback });
    return layers;
  }

  #checkTogether(): void {
    checkTopicDefaults(this);
    this.#checkConnections();
    const complaint = copiesComplaint(this);
    if (complaint !== null) throw new ConfigError(complaint);
  }

  #checkConnections(): void {
    if (this.int("max.connections.per.ip") > 0) return;
    if (this.string("max.connections.per.ip.overrides") !== "") return;
    throw new ConfigError(
      "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
    );
  }

  #value(name: BrokerConfigName): ConfigValue | null {
    return this.#values.get(name) ?? defaults.get(name) ?? null;
  }
}

/**
 * The definition of a broker setting.
 *
 * @throws ConfigError when there is none of that name.
 */
export function brokerDefinition(name: string): ConfigDefinition {
  const definition = definitions.get(name);
  if (definition === undefined) throw new ConfigError(`Unknown configuration ${name}`);
  return definition;
}

/** Why a setting that is stored as a dynamic one is left out; `null` when it is not. */
export function uselessness(name: string, text: string): string | null {
  try {
    const definition = brokerDefinition(name);
    parseValue(name, definition, text);
    return definition.dynamic ? null : `${name} cannot be set while the broker runs`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

function onlyUsable(texts: Texts): Texts {
  return new Map([...texts].filter(([name, text]) => uselessness(name, text) === null));
}
