/**
 * What the controller knows of the cluster, as one immutable value.
 *
 * The controller is its only writer: each committed change publishes a new image. Everybody else reads the current one,
 * synchronously. (Kafka: `org.apache.kafka.image.MetadataImage`.)
 *
 * @module
 */
import type { BrokerConfig } from "../../config/broker_config.ts";
import { resolveTopicConfig, type TopicConfig } from "../../config/topic_config.ts";
import type {
  MetadataChange,
  StoredMetadata,
  StoredTopic,
} from "../../storage/metadata/metadata.ts";
import { collisionForm, INTERNAL_TOPICS } from "./topic_name.ts";

/** A topic. */
export interface TopicImage extends StoredTopic {
  /** Whether clients may not produce to it and pattern subscriptions leave it out. */
  readonly internal: boolean;
  /** The settings in force: overrides, else the broker's, else Kafka's defaults. */
  readonly config: TopicConfig;
}

/** What the controller knows of the cluster. */
export interface MetadataImage {
  /** Rises with every change, for ever: Kafka's metadata offset, and the finalized features' epoch. */
  readonly version: number;
  /** 22 characters of base64url. */
  readonly clusterId: string;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  /** Topic names by {@linkcode collisionForm}. */
  readonly collisionForms: ReadonlyMap<string, string>;
  /** Dynamic broker settings by node id; `""` holds the cluster-wide defaults. */
  readonly brokerOverrides: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The broker settings in force: what it was started with, and the dynamic ones. */
  readonly brokerConfig: BrokerConfig;
  /** What was decided of the cluster's features, by name: see `features.ts`. */
  readonly featureLevels: ReadonlyMap<string, number>;
}

/** What an image is made of beside what is stored. */
export interface ImageGround {
  readonly nodeId: number;
  /** The settings that the broker was started with. */
  readonly startConfig: BrokerConfig;
}

/** What of a topic is stored. */
export function storedTopic(
  { id, name, partitionCount, replicationFactor, overrides }: TopicImage,
): StoredTopic {
  return { id, name, partitionCount, replicationFactor, overrides };
}

/** The image of what was loaded from the store. */
export function imageOf(stored: StoredMetadata, ground: ImageGround): MetadataImage {
  const draft = new MetadataDraft({
    version: stored.version,
    clusterId: stored.clusterId,
    topics: new Map(),
    topicsById: new Map(),
    collisionForms: new Map(),
    brokerOverrides: stored.brokerOverrides,
    brokerConfig: effectiveConfig(stored.brokerOverrides, ground),
    featureLevels: stored.featureLevels,
  }, ground);
  for (const topic of stored.topics) draft.apply({ kind: "topic", topic });
  return draft.publish(stored.version);
}

/** The next image in the making. It can be read like an image, and is thrown away if its commit fails. */
export class MetadataDraft implements MetadataImage {
  readonly version: number;
  readonly clusterId: string;
  readonly topics: Map<string, TopicImage>;
  readonly topicsById: Map<string, TopicImage>;
  readonly collisionForms: Map<string, string>;
  readonly brokerOverrides: Map<string, ReadonlyMap<string, string>>;
  brokerConfig: BrokerConfig;
  readonly featureLevels: Map<string, number>;

  constructor(image: MetadataImage, private readonly ground: ImageGround) {
    this.version = image.version;
    this.clusterId = image.clusterId;
    this.topics = new Map(image.topics);
    this.topicsById = new Map(image.topicsById);
    this.collisionForms = new Map(image.collisionForms);
    this.brokerOverrides = new Map(image.brokerOverrides);
    this.brokerConfig = image.brokerConfig;
    this.featureLevels = new Map(image.featureLevels);
  }

  /** Makes one change visible in this draft. */
  apply(change: MetadataChange): void {
    switch (change.kind) {
      case "topic":
        this.#put(change.topic);
        break;
      case "topicDeleted":
        this.topics.delete(change.name);
        this.topicsById.delete(change.id);
        this.collisionForms.delete(collisionForm(change.name));
        break;
      case "brokerOverrides":
        this.brokerOverrides.set(change.broker, change.overrides);
        this.brokerConfig = effectiveConfig(this.brokerOverrides, this.ground);
        // A broker's setting is the default of every topic's.
        for (const topic of [...this.topics.values()]) this.#put(topic);
        break;
      case "featureLevel":
        this.featureLevels.set(change.feature, change.level);
        break;
      case "topicSwept":
      case "producerIds":
        break;
    }
  }

  /** This draft as an image. */
  publish(version: number): MetadataImage {
    const { clusterId, topics, topicsById, collisionForms } = this;
    const { brokerOverrides, brokerConfig, featureLevels } = this;
    return {
      version,
      clusterId,
      topics,
      topicsById,
      collisionForms,
      brokerOverrides,
      brokerConfig,
      featureLevels,
    };
  }

  #put({ id, name, partitionCount, replicationFactor, overrides }: StoredTopic): void {
    const topic: TopicImage = {
      id,
      name,
      partitionCount,
      replicationFactor,
      overrides,
      internal: INTERNAL_TOPICS.has(name),
      config: resolveTopicConfig(overrides, this.brokerConfig),
    };
    this.topics.set(name, topic);
    this.topicsById.set(id, topic);
    this.collisionForms.set(collisionForm(name), name);
  }
}

function effectiveConfig(
  overrides: ReadonlyMap<string, ReadonlyMap<string, string>>,
  { nodeId, startConfig }: ImageGround,
): BrokerConfig {
  const nothing: ReadonlyMap<string, string> = new Map();
  return startConfig.withDynamic(
    overrides.get("") ?? nothing,
    overrides.get(String(nodeId)) ?? nothing,
  );
}
