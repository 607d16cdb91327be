import { heartbeatRequest, heartbeatResponse } from "../../protocol/messages/12_heartbeat.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";

/**
 * Heartbeat: keeps a member in its group, and tells it when it has to join again.
 * - v3: static members (KIP-345)
 * - v4: flexible
 */
export const heartbeat = defineApi({
  name: "Heartbeat",
  key: 12,
  versions: [0, 4],
  request: heartbeatRequest,
  response: heartbeatResponse,

  async handle({ groupId, generationId, memberId, groupInstanceId }, context) {
    authorize(context, "Read", "Group", groupId);
    await context.broker.coordinators.group(groupId).ask("heartbeat", {
      groupId,
      generation: generationId,
      memberId,
      instanceId: groupInstanceId,
    });
    return { throttleTimeMs: 0, errorCode: 0 };
  },

  refuse: (_request, { code }) => ({ throttleTimeMs: 0, errorCode: code }),
});
