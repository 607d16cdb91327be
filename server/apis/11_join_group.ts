import { joinGroupRequest, joinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import { MemberIdRequired } from "../../actors/group/messages.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";

/** From this version on a new dynamic member is first given its id (KIP-394). */
const MEMBER_ID_VERSION = 4;
/** From this version on the protocol's name may be null. */
const NO_PROTOCOL_VERSION = 7;
/** From this version on a leader can be told to leave the assignment as it is (KIP-814). */
const SKIP_ASSIGNMENT_VERSION = 9;

/**
 * JoinGroup: enters a group, or joins again when it rebalances. Answered when all members have joined.
 * - v0: the session timeout is the rebalance timeout, too
 * - v1: a rebalance timeout of its own
 * - v4: a new member is answered MEMBER_ID_REQUIRED and its id first (KIP-394)
 * - v5: static members (KIP-345)
 * - v6: flexible
 * - v7: the answer tells the protocol type
 * - v8: why the member joins
 * - v9: the leader can be told to skip the assignment (KIP-814)
 */
export const joinGroup = defineApi({
  name: "JoinGroup",
  key: 11,
  versions: [0, 9],
  request: joinGroupRequest,
  response: joinGroupResponse,

  // Not async: an async function keeps its request while it waits.
  handle(request, context) {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request;
    const { peer, apiVersion, clientId } = context;
    authorize(context, "Read", "Group", groupId);
    const asked = context.broker.coordinators.group(groupId).ask("join", {
      groupId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      clientId: clientId ?? "",
      clientHost: `/${peer.remote.host}`,
      sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
      protocolType: request.protocolType,
      protocols: protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() })),
      reason: request.reason,
      needsKnownMember: apiVersion >= MEMBER_ID_VERSION,
      canSkipAssignment: apiVersion >= SKIP_ASSIGNMENT_VERSION,
    });
    context.park();
    return asked.then((joined) => ({
      throttleTimeMs: 0,
      errorCode: 0,
      generationId: joined.generation,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName ?? noProtocol(apiVersion),
      leader: joined.leader,
      skipAssignment: joined.skipAssignment,
      memberId: joined.memberId,
      members: joined.members.map(({ memberId, instanceId, metadata }) => ({
        memberId,
        groupInstanceId: instanceId,
        metadata,
      })),
    }));
  },

  outline: (request) => ({ ...request, protocols: [] }),

  refuse: ({ memberId }, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: error.code,
    generationId: -1,
    protocolName: noProtocol(apiVersion),
    leader: "",
    memberId: error instanceof MemberIdRequired ? error.memberId : memberId,
    members: [],
  }),
});

function noProtocol(apiVersion: number): string | null {
  return apiVersion >= NO_PROTOCOL_VERSION ? null : "";
}
