import { ERROR_CODES, type ErrorName } from "../../protocol/errors.ts";
import {
  offsetDeleteRequest,
  offsetDeleteResponse,
} from "../../protocol/messages/47_offset_delete.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";

/** OffsetDelete: removes what a group has committed for topics that it does not consume (KIP-496). */
export const offsetDelete = defineApi({
  name: "OffsetDelete",
  key: 47,
  versions: [0, 0],
  request: offsetDeleteRequest,
  response: offsetDeleteResponse,

  async handle({ groupId, topics }, context) {
    authorize(context, "Delete", "Group", groupId);
    const checked = topics.map((topic) => ({ ...topic, refusal: refusalOf(topic.name, context) }));
    const outcomes = await context.broker.coordinators.group(groupId).ask("deleteOffsets", {
      groupId,
      offsets: checked.flatMap(({ name, partitions, refusal }) =>
        refusal === null
          ? partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }))
          : []
      ),
    });
    let next = 0;
    return {
      errorCode: 0,
      throttleTimeMs: 0,
      topics: checked.map(({ name, partitions, refusal }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const outcome = refusal ?? outcomes[next++];
          return { partitionIndex, errorCode: outcome === null ? 0 : ERROR_CODES[outcome].code };
        }),
      })),
    };
  },

  refuse: (_request, { code }) => ({ errorCode: code, throttleTimeMs: 0, topics: [] }),
});

function refusalOf(topic: string, context: RequestContext): ErrorName | null {
  if (!isAllowed(context, "Read", "Topic", topic)) return "TOPIC_AUTHORIZATION_FAILED";
  return context.broker.metadata().topics.has(topic) ? null : "UNKNOWN_TOPIC_OR_PARTITION";
}
