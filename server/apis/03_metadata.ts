import type { MetadataImage, TopicImage } from "../../actors/controller/metadata_image.ts";
import { INTERNAL_TOPICS, topicNameFault } from "../../actors/controller/topic_name.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type MetadataRequest,
  metadataRequest,
  metadataResponse,
} from "../../protocol/messages/03_metadata.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { thisNode } from "../leader.ts";
import { partitionsOf } from "../partitions.ts";
import { authorize, CLUSTER, isAllowed } from "../security/authorizer.ts";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../security/operations.ts";
import { topicNamed, topicOfId } from "../topics.ts";

/** From this version on topics can be asked for by id. */
const TOPIC_ID_VERSION = 12;

type WantedTopic = NonNullable<MetadataRequest["topics"]>[number];
type TopicAnswer = Draft<typeof metadataResponse>["topics"][number];

/**
 * Metadata: brokers, topics and who leads their partitions. Creates topics that are asked for, where that is allowed.
 * - v0: an empty list means all topics
 * - v1: null means all, an empty list none; controller, racks, internal topics
 * - v2: cluster id
 * - v4: the client says whether topics may be created
 * - v5: offline replicas
 * - v7: leader epochs
 * - v8: authorized operations; v11: no longer those of the cluster
 * - v9: flexible
 * - v10: topic ids
 * - v12: topics by id
 * - v13: an error of the whole request
 */
export const metadata = defineApi({
  name: "Metadata",
  key: 3,
  versions: [0, 13],
  request: metadataRequest,
  response: metadataResponse,

  handle(request, context) {
    const wanted = wantedTopics(request, context.apiVersion);
    if (wanted === null) return shape(request, everything(request, context), context);
    const missing = topicsToCreate(request, wanted, context);
    const describe = () => {
      const image = context.broker.metadata();
      return wanted.map((topic) => describeWanted(topic, request, image, context));
    };
    if (missing.length === 0) return shape(request, describe(), context);
    return createTopics(missing, context).then((failures) =>
      shape(
        request,
        describe().map((topic) => {
          const failure = topic.errorCode === 0 ? undefined : failures.get(topic.name ?? "");
          return failure ? { ...topic, errorCode: failure.code } : topic;
        }),
        context,
      )
    );
  },

  refuse: ({ topics }, { code }, { apiVersion }) => ({
    brokers: [],
    topics: (topics ?? []).map(({ name, topicId }) =>
      failed(apiVersion < TOPIC_ID_VERSION ? name ?? "" : name, topicId, code)
    ),
    errorCode: code,
  }),
});

/** The topics asked for, each once; null means all. */
function wantedTopics({ topics }: MetadataRequest, apiVersion: number): WantedTopic[] | null {
  if (topics === null || (apiVersion === 0 && topics.length === 0)) return null;
  if (
    apiVersion < TOPIC_ID_VERSION &&
    topics.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)
  ) {
    throw new KafkaError(
      "INVALID_REQUEST",
      `Metadata v${apiVersion} takes topic names, not ids`,
    );
  }
  return [...new Map(topics.map((topic) => [topic.name ?? `/${topic.topicId}`, topic])).values()];
}

function everything(request: MetadataRequest, context: RequestContext): TopicAnswer[] {
  return [...context.broker.metadata().topics.values()]
    .filter(({ name }) => isAllowed(context, "Describe", "Topic", name))
    .map((topic) => describeTopic(topic, request, context));
}

/** Names of topics that do not exist and may be created because they were asked for. */
function topicsToCreate(
  { allowAutoTopicCreation }: MetadataRequest,
  wanted: readonly WantedTopic[],
  context: RequestContext,
): string[] {
  const { broker } = context;
  if (!allowAutoTopicCreation || !broker.config().boolean("auto.create.topics.enable")) return [];
  const { topics } = broker.metadata();
  return wanted.flatMap(({ name }) => {
    if (name === null || topics.has(name) || topicNameFault(name) || INTERNAL_TOPICS.has(name)) {
      return [];
    }
    const isPermitted = isAllowed(context, "Create", "Cluster", CLUSTER) ||
      isAllowed(context, "Create", "Topic", name);
    return isPermitted ? [name] : [];
  });
}

/** Creates topics with the broker's defaults; what went wrong, by name. */
async function createTopics(
  names: readonly string[],
  { broker }: RequestContext,
): Promise<ReadonlyMap<string, KafkaError>> {
  const outcomes = await broker.controller.ask("createTopics", {
    validateOnly: false,
    topics: names.map((name) => ({
      name,
      partitionCount: -1,
      replicationFactor: -1,
      assignments: null,
      configs: [],
    })),
  });
  return new Map(
    outcomes.flatMap((outcome, at) => outcome.ok ? [] : [[names[at], outcome.error] as const]),
  );
}

function describeWanted(
  { name, topicId }: WantedTopic,
  request: MetadataRequest,
  image: MetadataImage,
  context: RequestContext,
): TopicAnswer {
  try {
    if (name !== null) authorize(context, "Describe", "Topic", name);
    const topic = name === null ? topicOfId(topicId, image) : topicNamed(name, image);
    // Whoever may not know of a topic is not told by its id that it exists.
    if (!isAllowed(context, "Describe", "Topic", topic.name)) {
      throw new KafkaError("UNKNOWN_TOPIC_ID");
    }
    return describeTopic(topic, request, context);
  } catch (error) {
    if (error instanceof KafkaError) return failed(name, topicId, error.code);
    throw error;
  }
}

function describeTopic(
  topic: TopicImage,
  { includeTopicAuthorizedOperations }: MetadataRequest,
  context: RequestContext,
): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: partitionsOf(topic, context.broker),
    topicAuthorizedOperations: includeTopicAuthorizedOperations
      ? authorizedOperations(context, "Topic", topic.name)
      : OPERATIONS_NOT_ASKED,
  };
}

function failed(name: string | null, topicId: string, errorCode: number): TopicAnswer {
  return { errorCode, name, topicId, partitions: [] };
}

function shape(
  request: MetadataRequest,
  topics: TopicAnswer[],
  context: RequestContext,
): Draft<typeof metadataResponse> {
  const { broker } = context;
  return {
    brokers: [thisNode(context)],
    clusterId: broker.metadata().clusterId,
    controllerId: broker.nodeId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations(context, "Cluster", CLUSTER)
      : OPERATIONS_NOT_ASKED,
  };
}
