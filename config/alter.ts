/**
 * Changes of settings while the broker runs: what AlterConfigs and IncrementalAlterConfigs (KIP-339) do.
 *
 * Source: `ConfigurationControlManager`, `ConfigAdminManager` and `DynamicBrokerConfig` of Kafka.
 *
 * @module
 */
import { KafkaError } from "../protocol/errors.ts";
import { type BrokerConfig, brokerDefinition } from "./broker_config.ts";
import { ConfigError } from "./config_error.ts";
import { checkMinInsyncReplicas, minInsyncReplicasComplaint } from "./copies.ts";
import type { ConfigDefinition } from "./definition.ts";
import { checkTextSizes } from "./text_size.ts";
import { checkTopicOverrides, topicDefinition } from "./topic_config.ts";
import { parseList, parseValue } from "./value.ts";

/** Whose settings are changed: a topic's, one broker's, or those of all brokers. */
export type ConfigTarget = "topic" | "broker" | "brokers";

/** One change of a setting. `append` and `subtract` are for lists. */
export interface SettingChange {
  readonly operation: "set" | "delete" | "append" | "subtract";
  readonly name: string;
  readonly value: string | null;
}

type Texts = ReadonlyMap<string, string>;

/** Settings that each broker has for itself. */
const ONE_BROKER_ONLY = /^(listeners$|listener\.|ssl\.|sasl\.|principal\.builder\.class$)/;

/**
 * The settings of a target after IncrementalAlterConfigs.
 *
 * @param current what is set on the target now.
 * @param broker the settings of the broker, without dynamic ones of this change.
 * @throws KafkaError INVALID_REQUEST when a name comes twice, a value is missing, or a broker setting is unknown, illegal
 *   or read-only; INVALID_CONFIG when a topic setting is unknown or illegal, `append` meets something else than a list,
 *   or a value has more than 32 767 bytes.
 */
export function applyChanges(
  target: ConfigTarget,
  current: Texts,
  changes: readonly SettingChange[],
  broker: BrokerConfig,
): ReadonlyMap<string, string> {
  refuseDuplicates(changes);
  const next = new Map(current);
  for (const change of changes) applyChange(target, next, change);
  checkTexts(target, next, broker);
  return next;
}

/**
 * The settings of a target after AlterConfigs: what is not named goes back to its default.
 *
 * @throws KafkaError as {@linkcode applyChanges}; a value that is null is INVALID_CONFIG for a topic, INVALID_REQUEST
 *   for a broker.
 */
export function replaceAll(
  target: ConfigTarget,
  configs: readonly { readonly name: string; readonly value: string | null }[],
  broker: BrokerConfig,
): ReadonlyMap<string, string> {
  refuseDuplicates(configs);
  const next = new Map<string, string>();
  for (const { name, value } of configs) {
    if (value === null) {
      throw refusal(target, `Null value not supported for ${kindOf(target)} configs: ${name}`);
    }
    next.set(name, value);
  }
  checkTexts(target, next, broker);
  return next;
}

function refuseDuplicates(configs: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of configs) {
    if (seen.has(name)) {
      throw new KafkaError("INVALID_REQUEST", `Error due to duplicate config keys: ${name}`);
    }
    seen.add(name);
  }
}

function applyChange(
  target: ConfigTarget,
  texts: Map<string, string>,
  { operation, name, value }: SettingChange,
): void {
  if (operation === "delete") {
    texts.delete(name);
    return;
  }
  if (value === null) {
    throw new KafkaError("INVALID_REQUEST", `Null value not supported for : ${name}`);
  }
  if (operation === "set") {
    texts.set(name, value);
    return;
  }
  const definition = definitionFor(target, name);
  if (definition.type !== "list") {
    throw new KafkaError(
      "INVALID_CONFIG",
      `Can't ${operation.toUpperCase()} to key ${name} because its type is not LIST.`,
    );
  }
  const items = parseList(texts.get(name) ?? definition.default ?? "");
  const changed = parseList(value);
  const next = operation === "append"
    ? [...items, ...changed.filter((item) => !items.includes(item))]
    : items.filter((item) => !changed.includes(item));
  texts.set(name, next.join(","));
}

function checkTexts(target: ConfigTarget, texts: Texts, broker: BrokerConfig): void {
  if (target === "topic") {
    checkTopicOverrides(texts);
    checkMinInsyncReplicas(texts, broker);
    return;
  }
  checkTextSizes(texts);
  checkDynamic(texts);
  if (target === "brokers") checkShared(texts);
  orRefuse(target, () => broker.withLayer(target === "broker", texts));
  const minInsync = texts.get("min.insync.replicas");
  if (minInsync !== undefined && !broker.boolean("odradek.accept.any.replication.factor")) {
    const complaint = minInsyncReplicasComplaint(minInsync);
    if (complaint !== null) throw new KafkaError("INVALID_REQUEST", complaint);
  }
}

function checkDynamic(texts: Texts): void {
  const fixed: string[] = [];
  for (const [name, text] of texts) {
    const definition = definitionFor("broker", name);
    if (!definition.dynamic) fixed.push(name);
    else orRefuse("broker", () => parseValue(name, definition, text));
  }
  if (fixed.length > 0) {
    throw new KafkaError(
      "INVALID_REQUEST",
      `Cannot update these configs dynamically: Set(${fixed.join(", ")})`,
    );
  }
}

function checkShared(texts: Texts): void {
  const own = [...texts.keys()].filter((name) => ONE_BROKER_ONLY.test(name));
  if (own.length > 0) {
    throw new KafkaError(
      "INVALID_REQUEST",
      "Cannot update these configs at default cluster level, broker id must be specified: " +
        `Set(${own.join(", ")})`,
    );
  }
}

function definitionFor(target: ConfigTarget, name: string): ConfigDefinition {
  return orRefuse(
    target,
    () => target === "topic" ? topicDefinition(name) : brokerDefinition(name),
  );
}

/** Calls `check`; what is wrong with a setting becomes an answer to the client. */
function orRefuse<T>(target: ConfigTarget, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw refusal(target, error.message);
  }
}

/** Kafka answers INVALID_REQUEST for a wrong broker setting (KAFKA-13609 says why it stays so). */
function refusal(target: ConfigTarget, message: string): KafkaError {
  return new KafkaError(target === "topic" ? "INVALID_CONFIG" : "INVALID_REQUEST", message);
}

function kindOf(target: ConfigTarget): string {
  return target === "topic" ? "topic" : "broker";
}
