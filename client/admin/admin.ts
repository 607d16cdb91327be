import { KafkaError } from "../../protocol/errors.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import {
  CREATE_PARTITIONS,
  CREATE_TOPICS,
  DELETE_TOPICS,
  DESCRIBE_CLUSTER,
  DESCRIBE_CONFIGS,
  INCREMENTAL_ALTER_CONFIGS,
  METADATA,
} from "../apis.ts";
import { Cluster } from "../cluster/cluster.ts";
import {
  type Broker,
  type ClusterView,
  EMPTY_VIEW,
  type TopicView,
  viewAfter,
} from "../cluster/cluster_view.ts";
import {
  type FoundOffset,
  type IsolationLevel,
  listOffsets,
  type OffsetQuestion,
} from "../cluster/list_offsets.ts";
import { cannot, errorFrom, throwIfError } from "../errors.ts";
import { type ClientOptions, clientSettings } from "../options.ts";
import {
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  operationCode,
  resourceCode,
  sourceName,
  typeName,
} from "./config.ts";
import { throwFailures } from "./failures.ts";
import { GroupAdmin } from "./groups.ts";

/** A topic to be created. */
export interface NewTopic {
  /** Letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** -1 or left out = the broker's `num.partitions`. */
  readonly partitions?: number;
  /** -1 or left out = the broker's `default.replication.factor`. */
  readonly replicationFactor?: number;
  /** Topic settings by Kafka's names, e.g. `{ "cleanup.policy": "compact" }`. */
  readonly configs?: Readonly<Record<string, string>>;
}

/** A topic that was created. */
export interface CreatedTopic {
  /** As it was asked for. */
  readonly name: string;
  /** 22 characters of base64url; null from a broker without topic ids. */
  readonly id: string | null;
  /** -1 = the broker does not say. */
  readonly partitions: number;
  /** -1 = the broker does not say. */
  readonly replicationFactor: number;
}

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
  }

  /**
   * Creates topics.
   *
   * @throws {KafkaError} TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG, …
   */
  async createTopics(
    topics: readonly NewTopic[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<CreatedTopic[]> {
    const answer = await this.#change(
      "create topics",
      () =>
        this.#cluster.requestController(CREATE_TOPICS, {
          topics: topics.map(({ name, partitions, replicationFactor, configs }) => ({
            name,
            numPartitions: partitions ?? -1,
            replicationFactor: replicationFactor ?? -1,
            assignments: [],
            configs: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
          })),
          timeoutMs: this.#timeoutMs,
          validateOnly,
        }),
      ({ topics }) => topics,
    );
    throwFailures("create topics", failuresOf(answer.topics, "create topic"), topics.length);
    return answer.topics.map(({ name, topicId, numPartitions, replicationFactor }) => ({
      name,
      id: topicId === ZERO_UUID ? null : topicId,
      partitions: numPartitions,
      replicationFactor,
    }));
  }

  /**
   * Deletes topics with all that is in them.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, …
   */
  async deleteTopics(names: readonly string[]): Promise<void> {
    const answer = await this.#change(
      "delete topics",
      () =>
        this.#cluster.requestController(DELETE_TOPICS, {
          topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
          topicNames: names,
          timeoutMs: this.#timeoutMs,
        }),
      ({ responses }) => responses,
    );
    throwFailures("delete topics", failuresOf(answer.responses, "delete topic"), names.length);
  }

  /**
   * Raises the number of partitions of topics.
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, …
   */
  async createPartitions(
    totals: Readonly<Record<string, number>>,
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<void> {
    const topics = Object.entries(totals).map(([name, count]) => ({
      name,
      count,
      assignments: null,
    }));
    const answer = await this.#change(
      "create partitions",
      () =>
        this.#cluster.requestController(CREATE_PARTITIONS, {
          topics,
          timeoutMs: this.#timeoutMs,
          validateOnly,
        }),
      ({ results }) => results,
    );
    const failures = failuresOf(answer.results, "create partitions of topic");
    throwFailures("create partitions", failures, topics.length);
  }

  /** Names of all topics, internal ones included only if asked for. */
  async listTopics(
    { includeInternal = false }: { readonly includeInternal?: boolean } = {},
  ): Promise<string[]> {
    const { topics } = await this.#view("list topics", null);
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
  async describeTopics(names: readonly string[]): Promise<TopicView[]> {
    const { topics, errors } = await this.#view("describe topics", names);
    const failures = [...errors].map(([name, kind]) =>
      new KafkaError(kind, `Cannot describe topic ${name}: ${kind}`)
    );
    throwFailures("describe topics", failures, names.length);
    return names.flatMap((name) => topics.get(name) ?? []);
  }

  /** The brokers of the cluster. */
  async describeCluster(): Promise<ClusterDescription> {
    return await this.#cluster.retry("describe the cluster", async () => {
      try {
        const answer = await this.#cluster.requestAny(DESCRIBE_CLUSTER, {
          includeClusterAuthorizedOperations: false,
        });
        throwIfError(answer.errorCode, answer.errorMessage);
        const { clusterId, controllerId, brokers } = answer;
        return {
          clusterId,
          controllerId,
          brokers: brokers.map(({ brokerId, host, port, rack }) => ({
            nodeId: brokerId,
            host,
            port,
            rack,
          })),
        };
      } catch (error) {
        if (!(error instanceof KafkaError) || error.kind !== "UNSUPPORTED_VERSION") throw error;
        // A broker from before KIP-700.
        const { clusterId, controllerId, brokers } = await this.#askView([]);
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
   * Settings of a topic, a broker, …
   *
   * @throws {KafkaError} UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, …
   */
  async describeConfigs(
    { type, name }: ConfigResource,
    options: {
      /** Only these. */
      readonly names?: readonly string[];
      readonly includeSynonyms?: boolean;
      readonly includeDocumentation?: boolean;
    } = {},
  ): Promise<ConfigEntry[]> {
    const { names = null, includeSynonyms = false, includeDocumentation = false } = options;
    const draft = {
      resources: [{
        resourceType: resourceCode(type),
        resourceName: name,
        configurationKeys: names,
      }],
      includeSynonyms,
      includeDocumentation,
    };
    const answer = await this.#cluster.retry(
      `describe the settings of ${type} ${name}`,
      async () => {
        const answer = await this.#askOwner(
          { type, name },
          (nodeId) =>
            nodeId === null
              ? this.#cluster.requestAny(DESCRIBE_CONFIGS, draft)
              : this.#cluster.request(nodeId, DESCRIBE_CONFIGS, draft),
        );
        for (const { errorCode, errorMessage } of answer.results) {
          throwIfError(errorCode, errorMessage);
        }
        return answer;
      },
    );
    return answer.results.flatMap(({ configs }) => configs).map((config) => ({
      name: config.name,
      value: config.value,
      source: sourceName(config.configSource),
      type: typeName(config.configType),
      isReadOnly: config.readOnly,
      isSensitive: config.isSensitive,
      synonyms: config.synonyms.map(({ name, value, source }) => ({
        name,
        value,
        source: sourceName(source),
      })),
      documentation: config.documentation,
    }));
  }

  /**
   * Changes settings of a topic, a broker, …; those that are not named stay as they are (KIP-339).
   *
   * @throws {KafkaError} INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, …
   */
  async alterConfigs(
    { type, name }: ConfigResource,
    changes: readonly ConfigChange[],
    { validateOnly = false }: ChangeOptions = {},
  ): Promise<void> {
    const draft = {
      resources: [{
        resourceType: resourceCode(type),
        resourceName: name,
        configs: changes.map(({ name, operation, value }) => ({
          name,
          configOperation: operationCode(operation),
          value: value ?? null,
        })),
      }],
      validateOnly,
    };
    await this.#cluster.retry(`change the settings of ${type} ${name}`, async () => {
      const answer = await this.#askOwner(
        { type, name },
        (nodeId) =>
          nodeId === null
            ? this.#cluster.requestController(INCREMENTAL_ALTER_CONFIGS, draft)
            : this.#cluster.request(nodeId, INCREMENTAL_ALTER_CONFIGS, draft),
      );
      for (const { errorCode, errorMessage } of answer.responses) {
        throwIfError(errorCode, errorMessage);
      }
    });
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

  get #timeoutMs(): number {
    return this.#cluster.settings.requestTimeoutMs;
  }

  /** Sends a change, again while an error of any of its parts is retriable: another broker is the controller by now, … */
  #change<A>(
    doing: string,
    send: () => Promise<A>,
    results: (answer: A) => readonly Result[],
  ): Promise<A> {
    return this.#cluster.retry(doing, async () => {
      const answer = await send();
      for (const { errorCode } of results(answer)) {
        const error = errorFrom(errorCode);
        if (error?.kind === "NOT_CONTROLLER") throw error;
      }
      return answer;
    });
  }

  /** Asks the broker whose settings they are; any other one would not know them. null = whichever. */
  async #askOwner<A>(
    { type, name }: ConfigResource,
    ask: (nodeId: number | null) => Promise<A>,
  ): Promise<A> {
    const isOfBroker = (type === "broker" || type === "brokerLogger") && name !== "";
    if (!isOfBroker) return await ask(null);
    if (this.#cluster.link(Number(name)) === null) await this.#cluster.metadata.refresh();
    return await ask(Number(name));
  }

  #view(doing: string, topics: readonly string[] | null): Promise<ClusterView> {
    return this.#cluster.retry(doing, () => this.#askView(topics));
  }

  async #askView(topics: readonly string[] | null): Promise<ClusterView> {
    const answer = await this.#cluster.requestAny(METADATA, {
      topics: topics?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation: false,
    }, { versionMin: 4 }); // before, asking for a topic made it
    throwIfError(answer.errorCode);
    return viewAfter(EMPTY_VIEW, answer);
  }
}

interface Result {
  readonly name?: string | null;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

function failuresOf(results: readonly Result[], doing: string): KafkaError[] {
  return results.flatMap(({ name, errorCode, errorMessage }) => {
    const error = errorFrom(errorCode, errorMessage);
    return error === null ? [] : [cannot(`${doing} ${name}`, error) as KafkaError];
  });
}
