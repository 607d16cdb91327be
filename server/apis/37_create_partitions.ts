import type { KafkaError } from "../../protocol/errors.ts";
import {
  type CreatePartitionsRequest,
  createPartitionsRequest,
  createPartitionsResponse,
} from "../../protocol/messages/37_create_partitions.ts";
import { defineApi } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { eachOnce } from "../each_once.ts";
import { authorize } from "../security/authorizer.ts";

type WantedTopic = CreatePartitionsRequest["topics"][number];

/**
 * CreatePartitions: more partitions for topics.
 * - v2: flexible
 * - v3: THROTTLING_QUOTA_EXCEEDED may be answered
 */
export const createPartitions = defineApi({
  name: "CreatePartitions",
  key: 37,
  versions: [0, 3],
  request: createPartitionsRequest,
  response: createPartitionsResponse,

  async handle({ topics, timeoutMs, validateOnly }, context) {
    const results = await eachOnce(topics, {
      name: ({ name }) => name,
      check: ({ name }) => authorize(context, "Alter", "Topic", name),
      perform: (wanted) =>
        context.broker.controller.ask("createPartitions", {
          validateOnly,
          topics: wanted.map(({ name, count, assignments }) => ({
            name,
            partitionCount: count,
            assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
          })),
        }, { deadlineMs: deadlineOf(timeoutMs) }),
      answer: ({ name }) => ({ name, errorCode: 0, errorMessage: null as string | null }),
      fail: failed,
    });
    return { throttleTimeMs: 0, results };
  },

  refuse: ({ topics }, error) => ({
    throttleTimeMs: 0,
    results: topics.map((topic) => failed(topic, error)),
  }),
});

function failed({ name }: WantedTopic, { code, message }: KafkaError) {
  return { name, errorCode: code, errorMessage: message };
}
