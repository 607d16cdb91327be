import { KafkaError } from "../../protocol/errors.ts";
import {
  type SyncGroupRequest,
  syncGroupRequest,
  syncGroupResponse,
} from "../../protocol/messages/14_sync_group.ts";
import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import { defineApi, type RequestContext } from "../api.ts";
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
    checkSize(request, context);
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

/**
 * Who is not the leader waits with what it has sent, and nothing bounds for how long.
 *
 * @throws KafkaError UNKNOWN_SERVER_ERROR, as the coordinator does where a leader's assignment fits no record
 */
function checkSize({ groupId, assignments }: SyncGroupRequest, { broker }: RequestContext): void {
  const offsets = broker.metadata().topics.get(GROUP_TOPIC);
  const bytes = assignments.reduce((sum, { assignment }) => sum + assignment.length, 0);
  if (offsets === undefined || bytes <= offsets.config.maxMessageBytes) return;
  throw new KafkaError(
    "UNKNOWN_SERVER_ERROR",
    `The assignment of group "${groupId}" is larger than a record can be`,
  );
}
