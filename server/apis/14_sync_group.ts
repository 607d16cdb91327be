import { KafkaError } from "../../protocol/errors.ts";
import { syncGroupRequest, syncGroupResponse } from "../../protocol/messages/14_sync_group.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";

/** From this version on a member has to say what it takes the group's protocol for. */
const PROTOCOL_VERSION = 5;

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

  // Not async: an async function keeps its request while it waits.
  handle(request, context) {
    const { groupId, assignments, protocolType, protocolName } = request;
    const isMissing = protocolType === null || protocolName === null;
    if (context.apiVersion >= PROTOCOL_VERSION && isMissing) {
      // Before the authorization, as in `KafkaApis.handleSyncGroupRequest`.
      throw new KafkaError("INCONSISTENT_GROUP_PROTOCOL", "A member names no protocol");
    }
    authorize(context, "Read", "Group", groupId);
    const asked = context.broker.coordinators.group(groupId).ask("sync", {
      groupId,
      generation: request.generationId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      protocolType,
      protocolName,
      assignments: assignments.map(({ memberId, assignment }) => ({
        memberId,
        assignment: assignment.slice(),
      })),
    });
    context.park();
    return asked.then((synced) => ({ throttleTimeMs: 0, errorCode: 0, ...synced }));
  },

  outline: (request) => ({ ...request, assignments: [] }),

  refuse: (_request, { code }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    assignment: new Uint8Array(0),
  }),
});
