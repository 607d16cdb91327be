/**
 * The settings of a topic that are in force.
 *
 * @module
 */
import { KafkaError } from "../protocol/errors.ts";
import type { BrokerConfig, BrokerConfigSource } from "./broker_config.ts";
import { ConfigError } from "./config_error.ts";
import type { ConfigDefinition } from "./definition.ts";
import { type BrokerConfigName, TOPIC_DEFINITIONS, type TopicConfigName } from "./definitions.ts";
import { checkTextSizes } from "./text_size.ts";
import { TOPIC_SYNONYMS, type TopicSynonym } from "./topic_synonyms.ts";
import { type ConfigValue, parseValue } from "./value.ts";

/** How the broker stores batches: `producer` keeps what the producer chose. */
export type TopicCompression = "producer" | "uncompressed" | "gzip" | "snappy" | "lz4" | "zstd";

/**
 * The settings of a topic that are in force. Sizes in bytes, times in milliseconds, -1 = no limit where Kafka says so;
 * a limit beyond 2^53 ("never") is rounded.
 */
export interface TopicConfig {
  /** Empty: neither deleted by retention nor compacted. */
  readonly cleanupPolicy: ReadonlySet<"delete" | "compact">;
  readonly compressionType: TopicCompression;
  readonly compressionGzipLevel: number;
  readonly compressionLz4Level: number;
  readonly compressionZstdLevel: number;
  /** The largest batch, as it arrives. */
  readonly maxMessageBytes: number;
  readonly messageTimestampType: "CreateTime" | "LogAppendTime";
  readonly messageTimestampBeforeMaxMs: number;
  readonly messageTimestampAfterMaxMs: number;
  /** -1 = for ever. */
  readonly retentionMs: number;
  /** Per partition; -1 = no limit. */
  readonly retentionBytes: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly segmentJitterMs: number;
  readonly deleteRetentionMs: number;
  readonly fileDeleteDelayMs: number;
  readonly minCleanableDirtyRatio: number;
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  readonly minInsyncReplicas: number;
}

/** The text of a topic setting that a broker setting gives. */
export interface InheritedText {
  /** The broker setting's name. */
  readonly name: BrokerConfigName;
  readonly source: BrokerConfigSource;
  /** In the topic setting's unit. */
  readonly text: string;
}

const UNIT_MS = { hours: 3_600_000n, minutes: 60_000n } as const;

const definitions: ReadonlyMap<string, ConfigDefinition> = new Map(
  Object.entries(TOPIC_DEFINITIONS),
);

/**
 * The definition of a topic setting.
 *
 * @throws ConfigError when there is none of that name.
 */
export function topicDefinition(name: string): ConfigDefinition {
  const definition = definitions.get(name);
  if (definition === undefined) throw new ConfigError(`Unknown topic config name: ${name}`);
  return definition;
}

/** What the broker settings behind a topic setting give for it, the one that counts first. */
export function inheritedTexts(name: string, broker: BrokerConfig): readonly InheritedText[] {
  return (TOPIC_SYNONYMS[name] ?? []).flatMap((synonym) => {
    const brokerName = synonym.name as BrokerConfigName;
    return broker.layersOf(brokerName).map(({ source, text }) => ({
      name: brokerName,
      source,
      text: inTopicUnit(name, synonym, text),
    }));
  });
}

/** The text of a topic setting that is in force: the topic's own, else the broker's, else Kafka's default. */
export function topicText(
  name: string,
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig,
): string | null {
  return overrides.get(name) ?? inheritedTexts(name, broker)[0]?.text ??
    topicDefinition(name).default;
}

/**
 * The settings of a topic that are in force.
 *
 * @param overrides what was set on the topic itself; checked when it was set ({@linkcode checkTopicOverrides}).
 */
export function resolveTopicConfig(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig,
): TopicConfig {
  const read = (name: TopicConfigName): ConfigValue =>
    parseValue(name, TOPIC_DEFINITIONS[name], topicText(name, overrides, broker) ?? "");
  const number = (name: TopicConfigName) => read(name) as number;
  return {
    cleanupPolicy: new Set(read("cleanup.policy") as ("delete" | "compact")[]),
    compressionType: read("compression.type") as TopicCompression,
    compressionGzipLevel: number("compression.gzip.level"),
    compressionLz4Level: number("compression.lz4.level"),
    compressionZstdLevel: number("compression.zstd.level"),
    maxMessageBytes: number("max.message.bytes"),
    messageTimestampType: read("message.timestamp.type") as "CreateTime" | "LogAppendTime",
    messageTimestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    messageTimestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    retentionMs: number("retention.ms"),
    retentionBytes: number("retention.bytes"),
    segmentBytes: number("segment.bytes"),
    segmentMs: number("segment.ms"),
    segmentJitterMs: number("segment.jitter.ms"),
    deleteRetentionMs: number("delete.retention.ms"),
    fileDeleteDelayMs: number("file.delete.delay.ms"),
    minCleanableDirtyRatio: number("min.cleanable.dirty.ratio"),
    minCompactionLagMs: number("min.compaction.lag.ms"),
    maxCompactionLagMs: number("max.compaction.lag.ms"),
    minInsyncReplicas: number("min.insync.replicas"),
  };
}

/**
 * Checks that a topic can live with what a broker's settings give it: each of them may be legal where what they give
 * together is not.
 *
 * @throws ConfigError
 */
export function checkTopicDefaults(broker: BrokerConfig): void {
  const { retentionMs } = resolveTopicConfig(new Map(), broker);
  if (retentionMs === 0) {
    throw new ConfigError(
      "log.retention.ms, log.retention.minutes and log.retention.hours give 0 together: " +
        "the time must be unlimited (-1) or at least 1 ms",
    );
  }
}

/**
 * Checks what is to be set on a topic: names, types, ranges, and settings that contradict each other.
 *
 * @throws KafkaError INVALID_CONFIG with the text that Kafka gives.
 */
export function checkTopicOverrides(overrides: ReadonlyMap<string, string>): void {
  checkTextSizes(overrides);
  try {
    for (const [name, text] of overrides) parseValue(name, topicDefinition(name), text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new KafkaError("INVALID_CONFIG", error.message, { cause: error });
  }
  checkCompactionLags(overrides);
}

function checkCompactionLags(overrides: ReadonlyMap<string, string>): void {
  const min = textOrDefault("min.compaction.lag.ms", overrides);
  const max = textOrDefault("max.compaction.lag.ms", overrides);
  if (BigInt(min.trim()) > BigInt(max.trim())) {
    throw new KafkaError(
      "INVALID_CONFIG",
      `conflict topic config setting min.compaction.lag.ms (${min}) > ` +
        `max.compaction.lag.ms (${max})`,
    );
  }
}

function textOrDefault(
  name: "min.compaction.lag.ms" | "max.compaction.lag.ms",
  overrides: ReadonlyMap<string, string>,
): string {
  return overrides.get(name) ?? TOPIC_DEFINITIONS[name].default;
}

/**
 * A broker setting in hours or minutes as a topic setting in milliseconds; below zero it means "never", -1, and so does
 * a retention in milliseconds. (Kafka: `KafkaConfig.logRetentionTimeMillis`.)
 */
function inTopicUnit(topicName: string, { unit }: TopicSynonym, text: string): string {
  if (unit === undefined && topicName !== "retention.ms") return text;
  const value = BigInt(text.trim());
  if (value < 0n) return "-1";
  return unit === undefined ? text : String(value * UNIT_MS[unit]);
}
