/**
 * What is stored of a cluster, and how it may change.
 *
 * @module
 */

/** A topic as stored. */
export interface StoredTopic {
  readonly name: string;
  /** 22 characters of base64url. A topic that is deleted and created again has another. */
  readonly id: string;
  readonly partitionCount: number;
  /** As asked for at creation; one copy is kept (see COMPATIBILITY.md). */
  readonly replicationFactor: number;
  /** What was set on the topic itself, by Kafka's names. */
  readonly overrides: ReadonlyMap<string, string>;
}

/** A topic that is deleted, but whose logs may not be swept yet. */
export interface DeletedTopic {
  readonly id: string;
  readonly name: string;
  readonly partitionCount: number;
}

/** One change of the metadata. */
export type MetadataChange =
  /** A topic is created, or changed. */
  | { readonly kind: "topic"; readonly topic: StoredTopic }
  /** A topic is deleted; a tombstone remembers it until its logs are swept. */
  | ({ readonly kind: "topicDeleted" } & DeletedTopic)
  /** The logs of a deleted topic are gone: forget its tombstone. */
  | { readonly kind: "topicSwept"; readonly id: string }
  /** The dynamic settings of a broker (by node id), or of all (`""`). */
  | {
    readonly kind: "brokerOverrides";
    readonly broker: string;
    readonly overrides: ReadonlyMap<string, string>;
  }
  /** Producer ids below `next` are given away. */
  | { readonly kind: "producerIds"; readonly next: bigint }
  /** A feature of the whole cluster has another level (KIP-584). */
  | { readonly kind: "featureLevel"; readonly feature: string; readonly level: number };

/** Everything that is stored. */
export interface StoredMetadata {
  readonly version: number;
  readonly clusterId: string;
  readonly topics: readonly StoredTopic[];
  readonly deletedTopics: readonly DeletedTopic[];
  readonly brokerOverrides: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly nextProducerId: bigint;
  /** What was decided of features, by name; of a feature that is not here nothing was. */
  readonly featureLevels: ReadonlyMap<string, number>;
}
