/**
 * What the controller knows of the cluster, as one immutable value.
 *
 * The controller is its only writer: each committed change publishes a new image. Everybody else reads the current one,
 * synchronously. (Kafka: `org.apache.kafka.image.MetadataImage`.)
 *
 * @module
 */
import type { TopicConfig } from "../../config/topic_config.ts";

/** A topic. */
export interface TopicImage {
  readonly name: string;
  /** 22 characters of base64url. A topic that is deleted and created again has another. */
  readonly id: string;
  readonly partitionCount: number;
  /** As asked for at creation; one copy is kept (see COMPATIBILITY.md). */
  readonly replicationFactor: number;
  /** Whether clients may not produce to it and pattern subscriptions leave it out. */
  readonly internal: boolean;
  /** What was set on the topic itself, by Kafka's names. */
  readonly overrides: ReadonlyMap<string, string>;
  /** The settings in force: overrides, else the broker's, else Kafka's defaults. */
  readonly config: TopicConfig;
}

/** What the controller knows of the cluster. */
export interface MetadataImage {
  /** Rises by one with every change, for ever: Kafka's metadata offset, and the finalized features' epoch. */
  readonly version: number;
  /** 22 characters of base64url. */
  readonly clusterId: string;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  /** Dynamic broker settings by node id; `""` holds the cluster-wide defaults. */
  readonly brokerOverrides: ReadonlyMap<string, ReadonlyMap<string, string>>;
}
