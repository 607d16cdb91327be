import { ERROR_CODES } from "../../protocol/errors.ts";
import { leaveGroupRequest, leaveGroupResponse } from "../../protocol/messages/13_leave_group.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";

/** From this version on several members can leave at once. */
const BATCH_VERSION = 3;

/**
 * LeaveGroup: members go, without waiting for their sessions to end.
 * - v3: several members, static ones by their instance id (KIP-345)
 * - v4: flexible
 * - v5: why each member leaves
 */
export const leaveGroup = defineApi({
  name: "LeaveGroup",
  key: 13,
  versions: [0, 5],
  request: leaveGroupRequest,
  response: leaveGroupResponse,

  async handle({ groupId, memberId, members }, context) {
    authorize(context, "Read", "Group", groupId);
    const batch = context.apiVersion >= BATCH_VERSION;
    const leavers = batch
      ? members.map(({ memberId, groupInstanceId, reason }) => ({
        memberId,
        instanceId: groupInstanceId,
        reason,
      }))
      : [{ memberId, instanceId: null, reason: null }];
    const outcomes = await context.broker.coordinators.group(groupId).ask("leave", {
      groupId,
      members: leavers,
    });
    const codes = outcomes.map((outcome) => outcome === null ? 0 : ERROR_CODES[outcome].code);
    if (!batch) return { throttleTimeMs: 0, errorCode: codes[0] };
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      members: members.map(({ memberId, groupInstanceId }, index) => ({
        memberId,
        groupInstanceId,
        errorCode: codes[index],
      })),
    };
  },

  refuse: (_request, { code }) => ({ throttleTimeMs: 0, errorCode: code, members: [] }),
});
