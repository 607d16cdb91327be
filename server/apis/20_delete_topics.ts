import { KafkaError } from "../../protocol/errors.ts";
import {
  type DeleteTopicsRequest,
  deleteTopicsRequest,
  deleteTopicsResponse,
} from "../../protocol/messages/20_delete_topics.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { eachOnce } from "../each_once.ts";
import { authorize } from "../security/authorizer.ts";

/** From this version on topics can be named by id. */
const TOPIC_ID_VERSION = 6;
/** From this version on clients know TOPIC_DELETION_DISABLED. */
const DISABLED_VERSION = 3;

type WantedTopic = DeleteTopicsRequest["topics"][number];
type TopicAnswer = Draft<typeof deleteTopicsResponse>["responses"][number];

/**
 * DeleteTopics.
 * - v3: TOPIC_DELETION_DISABLED may be answered
 * - v4: flexible
 * - v5: error messages; THROTTLING_QUOTA_EXCEEDED may be answered
 * - v6: topics by id
 */
export const deleteTopics = defineApi({
  name: "DeleteTopics",
  key: 20,
  versions: [1, 6],
  request: deleteTopicsRequest,
  response: deleteTopicsResponse,

  async handle(request, context) {
    const responses = await eachOnce(wantedTopics(request, context.apiVersion), {
      name: (topic) => knownName(topic, context) ?? topic.topicId,
      check: (topic) => checkWanted(topic, context),
      perform: (topics) =>
        context.broker.controller.ask(
          "deleteTopics",
          {
            topics: topics.map(({ name, topicId }) => name === null ? { id: topicId } : { name }),
          },
          { deadlineMs: deadlineOf(request.timeoutMs) },
        ),
      answer: (_wanted, { name, id }): TopicAnswer => ({ name, topicId: id, errorCode: 0 }),
      fail: (topic, error) => failed(topic, error, context),
    });
    return { responses };
  },

  refuse: (request, error, context) => ({
    responses: wantedTopics(request, context.apiVersion).map((topic) =>
      failed(topic, error, context)
    ),
  }),
});

function wantedTopics(
  { topics, topicNames }: DeleteTopicsRequest,
  apiVersion: number,
): readonly WantedTopic[] {
  if (apiVersion >= TOPIC_ID_VERSION) return topics;
  return topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
}

function knownName({ name, topicId }: WantedTopic, { broker }: RequestContext): string | null {
  return name ?? broker.metadata().topicsById.get(topicId)?.name ?? null;
}

/** @throws KafkaError when the topic is named in no way or in two, or may not be deleted by this client */
function checkWanted(topic: WantedTopic, context: RequestContext): void {
  if ((topic.name === null) === (topic.topicId === ZERO_UUID)) {
    throw new KafkaError("INVALID_REQUEST", "A topic is named either by its name or by its id.");
  }
  const name = knownName(topic, context);
  if (name === null) throw new KafkaError("UNKNOWN_TOPIC_ID");
  authorize(context, "Delete", "Topic", name);
}

function failed(
  { name, topicId }: WantedTopic,
  { kind, code, message }: KafkaError,
  { apiVersion }: RequestContext,
): TopicAnswer {
  const isNewCode = kind === "TOPIC_DELETION_DISABLED" && apiVersion < DISABLED_VERSION;
  const errorCode = isNewCode ? new KafkaError("INVALID_REQUEST").code : code;
  return { name, topicId, errorCode, errorMessage: message };
}
