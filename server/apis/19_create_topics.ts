import type { NewTopic } from "../../actors/controller/messages.ts";
import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import { describeTopicConfig } from "../../config/describe.ts";
import { ERROR_CODES, KafkaError } from "../../protocol/errors.ts";
import {
  type CreateTopicsRequest,
  createTopicsRequest,
  createTopicsResponse,
} from "../../protocol/messages/19_create_topics.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { eachOnce } from "../each_once.ts";
import { authorize, CLUSTER, isAllowed } from "../security/authorizer.ts";

/** From this version on the answer describes what was created (KIP-525). */
const DESCRIBING_VERSION = 5;

type WantedTopic = CreateTopicsRequest["topics"][number];
type TopicAnswer = Draft<typeof createTopicsResponse>["topics"][number];

/**
 * CreateTopics.
 * - v4: -1 partitions or copies mean the broker's defaults
 * - v5: flexible; the answer has partitions, copies and settings
 * - v6: THROTTLING_QUOTA_EXCEEDED may be answered
 * - v7: topic ids
 */
export const createTopics = defineApi({
  name: "CreateTopics",
  key: 19,
  versions: [2, 7],
  request: createTopicsRequest,
  response: createTopicsResponse,

  async handle({ topics, timeoutMs, validateOnly }, context) {
    const answers = await eachOnce(topics, {
      name: ({ name }) => name,
      check: ({ name }) => {
        if (!isAllowed(context, "Create", "Cluster", CLUSTER)) {
          authorize(context, "Create", "Topic", name);
        }
      },
      perform: (wanted) =>
        context.broker.controller.ask(
          "createTopics",
          { topics: wanted.map(newTopic), validateOnly },
          { deadlineMs: deadlineOf(timeoutMs) },
        ),
      answer: (_wanted, topic) => created(topic, context),
      fail: failed,
    });
    return { topics: answers };
  },

  refuse: ({ topics }, error) => ({ topics: topics.map((topic) => failed(topic, error)) }),
});

function newTopic({ name, numPartitions, replicationFactor, assignments, configs }: WantedTopic) {
  const topic: NewTopic = {
    name,
    partitionCount: numPartitions,
    replicationFactor,
    assignments: assignments.length === 0
      ? null
      : assignments.map(({ partitionIndex, brokerIds }) => ({
        partition: partitionIndex,
        brokerIds,
      })),
    configs,
  };
  return topic;
}

function created(topic: TopicImage, context: RequestContext): TopicAnswer {
  const { name, id, partitionCount, replicationFactor, overrides } = topic;
  const known = { name, topicId: id, errorCode: 0, errorMessage: null };
  if (context.apiVersion < DESCRIBING_VERSION) return known;
  if (!isAllowed(context, "DescribeConfigs", "Topic", name)) {
    const topicConfigErrorCode = ERROR_CODES.TOPIC_AUTHORIZATION_FAILED.code;
    return { ...known, topicConfigErrorCode, configs: null };
  }
  return {
    ...known,
    numPartitions: partitionCount,
    replicationFactor,
    configs: describeTopicConfig(overrides, context.broker.config(), null).map((entry) => ({
      name: entry.name,
      value: entry.value,
      readOnly: entry.readOnly,
      configSource: entry.source,
      isSensitive: entry.sensitive,
    })),
  };
}

function failed({ name }: WantedTopic, { code, message }: KafkaError): TopicAnswer {
  return { name, errorCode: code, errorMessage: message, configs: null };
}
