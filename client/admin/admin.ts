import { KafkaError } from "../../protocol/errors.ts";
import { DESCRIBE_CLUSTER } from "../apis.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { Broker, TopicView } from "../cluster/cluster_view.ts";
import {
  type FoundOffset,
  type IsolationLevel,
  listOffsets,
  type OffsetQuestion,
} from "../cluster/list_offsets.ts";
import { throwIfError } from "../errors.ts";
import { type ClientOptions, clientSettings } from "../options.ts";
import type { ConfigChange, ConfigEntry, ConfigResource } from "./config.ts";
import { alterConfigs, describeConfigs, type DescribeConfigsOptions } from "./configs.ts";
import {
  describeFeatures,
  type FeatureDescription,
  type FeatureUpdate,
  updateFeatures,
} from "./features.ts";
import { GroupAdmin } from "./groups.ts";
import { type DeletedRecords, deleteRecords, type RecordsToDelete } from "./records.ts";
import {
  askView,
  type CreatedTopic,
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopics,
  type NewTopic,
} from "./topics.ts";

import { TransactionAdmin } from "./transactions.ts";

/** How topics are changed. */
export interface ChangeOptions {
  /** Whether only to check if it could be done. Default false. */
  readonly validateOnly?: boolean;
}

/** A cluster. */
export interface ClusterDescription {
  /** Made when the cluster was; null = the broker does not say. */
  readonly clusterId: string | null;
  /** Node id; -1 = none. */
  readonly controllerId: number;
  /** In no order. */
  readonly brokers: readonly Broker[];
}

/**
 * Manages topics, settings and groups of a cluster. Each method tries again what may help, for `defaultApiTimeoutMs` at most.
 *
 * ```ts
 * import { Admin } from "@odradek/odradek/client";
 *
 * await using admin = new Admin({ environment, bootstrapServers: "127.0.0.1:9092" });
 * await admin.createTopics([{ name: "orders", partitions: 8 }]);
 * ```
 *
 * Methods that do several things do as many of them as they can. If one fails, that `KafkaError` is thrown; if several
 * fail, an `AggregateError` of them.
 */
export class Admin implements AsyncDisposable {
  /** Groups and their offsets. */
  readonly groups: GroupAdmin;
  /** Transactions and their producers. */
  readonly transactions: TransactionAdmin;
  readonly #cluster: Cluster;

  /**
   * Connects with the first call.
   *
   * @throws {TypeError} when there is no way to reach a broker
   * @throws {RangeError} when a number is out of range
   */
  constructor(options: ClientOptions) {
    const settings = clientSettings(options);
    this.#cluster = new Cluster(settings, { allowAutoTopicCreation: false, inFlightMax: 5 });
    this.groups = new GroupAdmin(this.#cluster);
    this.transactions = new TransactionAdmin(this.#cluster);
  }

  /**
   * Creates topics.
   *
   * @throws {KafkaError} TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG, …
   */
  createTopics(
    topics: readonly NewTopic[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<CreatedTopic[]> {
    return createTopics(this.#cluster, topics, validateOnly);
  }

  /**
   * Deletes topics with all that is in them.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, …
   */
  deleteTopics(names: readonly string[]): Promise<void> {
    return deleteTopics(this.#cluster, names);
  }

  /**
   * Raises the number of partitions of topics: `{ orders: 16 }`.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, …
   */
  createPartitions(
    totals: Readonly<Record<string, number>>,
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<void> {
    return createPartitions(this.#cluster, totals, validateOnly);
  }

  /** Names of all topics, internal ones included only if asked for. */
  async listTopics(
    { includeInternal = false }: { readonly includeInternal?: boolean } = {},
  ): Promise<string[]> {
    const { topics } = await this.#cluster.retry("list topics", () => askView(this.#cluster, null));
    return [...topics.values()]
      .filter(({ isInternal }) => includeInternal || !isInternal)
      .map(({ name }) => name)
      .toSorted();
  }

  /**
   * Topics with their partitions.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, …
   */
  describeTopics(names: readonly string[]): Promise<TopicView[]> {
    return describeTopics(this.#cluster, names);
  }

  /** The brokers of the cluster. */
  describeCluster(): Promise<ClusterDescription> {
    return this.#cluster.retry("describe the cluster", async () => {
      try {
        return await this.#askCluster();
      } catch (error) {
        if (!(error instanceof KafkaError) || error.kind !== "UNSUPPORTED_VERSION") throw error;
        // A broker from before KIP-700.
        const { clusterId, controllerId, brokers } = await askView(this.#cluster, []);
        return { clusterId, controllerId, brokers: [...brokers.values()] };
      }
    });
  }

  /**
   * Offsets of partitions.
   *
   * @throws {KafkaError} what a broker says, or REQUEST_TIMED_OUT
   */
  listOffsets(
    questions: readonly OffsetQuestion[],
    { isolationLevel = "read_uncommitted" }: { readonly isolationLevel?: IsolationLevel } = {},
  ): Promise<FoundOffset[]> {
    return listOffsets(this.#cluster, questions, isolationLevel);
  }

  /**
   * Deletes the oldest records of partitions: `{ topic: "orders", partition: 0, beforeOffset: 1000n }`.
   *
   * @throws {KafkaError} OFFSET_OUT_OF_RANGE, POLICY_VIOLATION (of a topic that is only compacted), REQUEST_TIMED_OUT, …
   */
  deleteRecords(wanted: readonly RecordsToDelete[]): Promise<DeletedRecords[]> {
    return deleteRecords(this.#cluster, wanted);
  }

  /**
   * Settings of a topic, a broker, …
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, …
   */
  describeConfigs(
    resource: ConfigResource,
    options: DescribeConfigsOptions = {},
  ): Promise<ConfigEntry[]> {
    return describeConfigs(this.#cluster, resource, options);
  }

  /**
   * Changes settings of a topic, a broker, …; those that are not named stay as they are (KIP-339).
   *
   * @throws {KafkaError} INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, …
   */
  alterConfigs(
    resource: ConfigResource,
    changes: readonly ConfigChange[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<void> {
    return alterConfigs(this.#cluster, resource, changes, validateOnly);
  }

  /** The features of the cluster with their levels, e.g. `transaction.version` (KIP-584). */
  describeFeatures(): Promise<FeatureDescription[]> {
    return describeFeatures(this.#cluster);
  }

  /**
   * Raises or lowers levels of features, all or none. From Kafka 3.3 on.
   *
   * @throws {KafkaError} INVALID_UPDATE_VERSION, CLUSTER_AUTHORIZATION_FAILED, …
   */
  updateFeatures(
    updates: readonly FeatureUpdate[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<void> {
    return updateFeatures(this.#cluster, updates, validateOnly);
  }

  /** Closes all connections. Idempotent. */
  close(): Promise<void> {
    this.#cluster.close();
    return Promise.resolve();
  }

  /** {@linkcode close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #askCluster(): Promise<ClusterDescription> {
    const answer = await this.#cluster.requestAny(DESCRIBE_CLUSTER, {
      includeClusterAuthorizedOperations: false,
    });
    throwIfError(answer.errorCode, answer.errorMessage);
    const { clusterId, controllerId } = answer;
    const brokers = answer.brokers.map(({ brokerId, host, port, rack }) => {
      return { nodeId: brokerId, host, port, rack };
    });
    return { clusterId, controllerId, brokers };
  }
}
