import { KafkaError } from "../../protocol/errors.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { CREATE_PARTITIONS, CREATE_TOPICS, DELETE_TOPICS, METADATA } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import {
  type ClusterView,
  EMPTY_VIEW,
  type TopicView,
  viewAfter,
} from "../cluster/cluster_view.ts";
import { cannot, errorFrom, throwIfError } from "../errors.ts";
import { throwFailures } from "./failures.ts";

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

/** Creates topics; see `Admin.createTopics`. */
export async function createTopics(
  cluster: Cluster,
  topics: readonly NewTopic[],
  validateOnly: boolean,
): Promise<CreatedTopic[]> {
  const draft = {
    topics: topics.map(({ name, partitions, replicationFactor, configs }) => ({
      name,
      numPartitions: partitions ?? -1,
      replicationFactor: replicationFactor ?? -1,
      assignments: [],
      configs: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
    })),
    timeoutMs: cluster.settings.requestTimeoutMs,
    validateOnly,
  };
  const results = await changed(cluster, "create topics", async () => {
    return (await cluster.requestController(CREATE_TOPICS, draft)).topics;
  });
  throwFailures("create topics", failuresOf(results, "create topic"), topics.length);
  return results.map(({ name, topicId, numPartitions, replicationFactor }) => ({
    name,
    id: topicId === ZERO_UUID ? null : topicId,
    partitions: numPartitions,
    replicationFactor,
  }));
}

/** Deletes topics; see `Admin.deleteTopics`. */
export async function deleteTopics(cluster: Cluster, names: readonly string[]): Promise<void> {
  const draft = {
    topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
    topicNames: names, // before version 6
    timeoutMs: cluster.settings.requestTimeoutMs,
  };
  const results = await changed(cluster, "delete topics", async () => {
    return (await cluster.requestController(DELETE_TOPICS, draft)).responses;
  });
  throwFailures("delete topics", failuresOf(results, "delete topic"), names.length);
}

/** Raises the number of partitions of topics; see `Admin.createPartitions`. */
export async function createPartitions(
  cluster: Cluster,
  totals: Readonly<Record<string, number>>,
  validateOnly: boolean,
): Promise<void> {
  const draft = {
    topics: Object.entries(totals).map(([name, count]) => ({ name, count, assignments: null })),
    timeoutMs: cluster.settings.requestTimeoutMs,
    validateOnly,
  };
  const results = await changed(cluster, "create partitions", async () => {
    return (await cluster.requestController(CREATE_PARTITIONS, draft)).results;
  });
  const failures = failuresOf(results, "create partitions of topic");
  throwFailures("create partitions", failures, draft.topics.length);
}

/** Topics with their partitions; see `Admin.describeTopics`. */
export async function describeTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<TopicView[]> {
  const { topics, errors } = await cluster.retry("describe topics", () => askView(cluster, names));
  const failures = [...errors].map(([name, kind]) =>
    new KafkaError(kind, `Cannot describe topic ${name}: ${kind}`)
  );
  throwFailures("describe topics", failures, names.length);
  return names.flatMap((name) => topics.get(name) ?? []);
}

/** What a broker says of topics, null = all, without making those that do not exist. */
export async function askView(
  cluster: Cluster,
  topics: readonly string[] | null,
): Promise<ClusterView> {
  const answer = await cluster.requestAny(METADATA, {
    topics: topics?.map((name) => ({ name })) ?? null,
    allowAutoTopicCreation: false,
  }, { versionMin: 4 }); // before, asking for a topic made it
  throwIfError(answer.errorCode);
  return viewAfter(EMPTY_VIEW, answer);
}

interface Result {
  readonly name?: string | null;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Has the controller change something, the next one if it is not the controller any more. */
function changed<R extends Result>(
  cluster: Cluster,
  doing: string,
  ask: () => Promise<readonly R[]>,
): Promise<readonly R[]> {
  return cluster.retry(doing, async () => {
    const results = await ask();
    for (const { errorCode } of results) {
      const error = errorFrom(errorCode);
      if (error?.kind === "NOT_CONTROLLER") throw error;
    }
    return results;
  });
}

function failuresOf(results: readonly Result[], doing: string): KafkaError[] {
  return results.flatMap(({ name, errorCode, errorMessage }) => {
    const error = errorFrom(errorCode, errorMessage);
    return error === null ? [] : [cannot(`${doing} ${name}`, error) as KafkaError];
  });
}
