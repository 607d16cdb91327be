import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../protocol/messages/42_delete_groups.ts";
import { defineApi } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerItems } from "../item_turns.ts";
import { authorize } from "../security/authorizer.ts";

/**
 * DeleteGroups: removes groups without members, and what they have committed.
 * - v2: flexible
 */
export const deleteGroups = defineApi({
  name: "DeleteGroups",
  key: 42,
  versions: [0, 2],
  request: deleteGroupsRequest,
  response: deleteGroupsResponse,

  async handle({ groupsNames }, context) {
    const { timers } = context.broker.environment;
    const results = await answerItems([...new Set(groupsNames)], timers, async (groupId) => {
      try {
        authorize(context, "Delete", "Group", groupId);
        await context.broker.coordinators.group(groupId).ask("delete", { groupId });
        return { groupId, errorCode: 0 };
      } catch (error) {
        return { groupId, errorCode: outcomeError(error, "DeleteGroups", context).code };
      }
    });
    return { throttleTimeMs: 0, results };
  },

  refuse: ({ groupsNames }, { code }) => ({
    throttleTimeMs: 0,
    results: [...new Set(groupsNames)].map((groupId) => ({ groupId, errorCode: code })),
  }),
});
