import { syncGroupRequest, syncGroupResponse } from "../../protocol/messages/14_sync_group.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";

/**
 * SyncGroup: the leader brings everybody's assignment, everybody is answered theirs.
 * - v3: static members (KIP-345)
 * - v4: flexible
 * - v5: protocol type and name are checked, and answered
 */
export const syncGroup = defineApi({
  name: "SyncGroup",
  key: 14,
  versions: [0, 5],
  request: syncGroupRequest,
  response: syncGroupResponse,

  async handle(request, context) {
    const { groupId, assignments } = request;
    authorize(context, "Read", "Group", groupId);
    const asked = context.broker.coordinators.group(groupId).ask("sync", {
      groupId,
      generation: request.generationId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      protocolType: request.protocolType,
      protocolName: request.protocolName,
      assignments: assignments.map(({ memberId, assignment }) => ({
        memberId,
        assignment: assignment.slice(),
      })),
    });
    context.park();
    const { protocolType, protocolName, assignment } = await asked;
    return { throttleTimeMs: 0, errorCode: 0, protocolType, protocolName, assignment };
  },

  refuse: (_request, { code }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    assignment: new Uint8Array(0),
  }),
});
