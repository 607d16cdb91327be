/**
 * What the controller can be asked.
 *
 * Requests carry several items; each item has its own outcome, as in Kafka's admin APIs.
 *
 * @module
 */
import type { KafkaError } from "../../protocol/errors.ts";
import type { Message } from "../core/message.ts";
import type { FeatureUpdate } from "./features.ts";
import type { TopicImage } from "./metadata_image.ts";

/** The outcome of one item of a request. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly error: KafkaError;
};

/** A topic to create. -1 (partitions, replication) asks for the broker's default. */
export interface NewTopic {
  readonly name: string;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** Replicas of each partition, by partition index, when the client chose them itself; null otherwise. */
  readonly assignments:
    | readonly { readonly partition: number; readonly brokerIds: readonly number[] }[]
    | null;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

/** More partitions for a topic. */
export interface NewPartitions {
  readonly name: string;
  /** The total wanted. */
  readonly partitionCount: number;
  readonly assignments: readonly (readonly number[])[] | null;
}

/** Kafka's resource types for configs. */
export type ConfigResourceType = "topic" | "broker";

/** A resource that has settings: a topic by name, a broker by node id, all brokers by `""`. */
export interface ConfigResource {
  readonly type: ConfigResourceType;
  readonly name: string;
}

/** One change of IncrementalAlterConfigs. `append` and `subtract` are for lists. */
export interface ConfigChange {
  readonly operation: "set" | "delete" | "append" | "subtract";
  readonly name: string;
  readonly value: string | null;
}

export type ControllerMessage =
  | Message<
    "createTopics",
    { readonly topics: readonly NewTopic[]; readonly validateOnly: boolean },
    readonly Outcome<TopicImage>[]
  >
  | Message<
    "deleteTopics",
    { readonly topics: readonly ({ readonly name: string } | { readonly id: string })[] },
    readonly Outcome<{ readonly name: string; readonly id: string }>[]
  >
  | Message<
    "createPartitions",
    { readonly topics: readonly NewPartitions[]; readonly validateOnly: boolean },
    readonly Outcome<TopicImage>[]
  >
  | Message<
    "alterConfigs",
    {
      readonly resources: readonly {
        readonly resource: ConfigResource;
        readonly changes: readonly ConfigChange[];
      }[];
      readonly validateOnly: boolean;
    },
    readonly Outcome<ConfigResource>[]
  >
  | Message<
    /** The old AlterConfigs: what is not named goes back to its default. */
    "replaceConfigs",
    {
      readonly resources: readonly {
        readonly resource: ConfigResource;
        readonly configs: readonly { readonly name: string; readonly value: string | null }[];
      }[];
      readonly validateOnly: boolean;
    },
    readonly Outcome<ConfigResource>[]
  >
  | Message<
    /**
     * Features get other levels, all or none: refused with INVALID_UPDATE_VERSION, for the first that cannot.
     */
    "updateFeatures",
    { readonly updates: readonly FeatureUpdate[]; readonly validateOnly: boolean },
    void
  >
  | Message<
    /** A block of producer ids that nobody ever got before nor will again. */
    "allocateProducerIds",
    Record<never, never>,
    { readonly first: bigint; readonly count: number }
  >
  | Message<
    /** The logs of deleted topics are swept: their tombstones may go. */
    "forgetDeleted",
    { readonly ids: readonly string[] },
    void
  >;
