import { KafkaError } from "../../protocol/errors.ts";
import {
  describeGroupsRequest,
  describeGroupsResponse,
} from "../../protocol/messages/15_describe_groups.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerItems } from "../item_turns.ts";
import { authorize } from "../security/authorizer.ts";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../security/operations.ts";

/** From this version on a group that is not there is an error; before, it is dead. */
const UNKNOWN_GROUP_VERSION = 6;

type DescribedGroup = Draft<typeof describeGroupsResponse>["groups"][number];

/**
 * DescribeGroups: state, protocol and members of classic groups.
 * - v3: the operations that the client may do
 * - v4: static members (KIP-345)
 * - v5: flexible
 * - v6: GROUP_ID_NOT_FOUND, and why
 */
export const describeGroups = defineApi({
  name: "DescribeGroups",
  key: 15,
  versions: [0, 6],
  request: describeGroupsRequest,
  response: describeGroupsResponse,

  async handle({ groups, includeAuthorizedOperations }, context) {
    const { timers } = context.broker.environment;
    const described = await answerItems([...new Set(groups)], timers, async (groupId) => {
      try {
        const group = await describe(groupId, context);
        if (!includeAuthorizedOperations || group.errorCode !== 0) return group;
        return { ...group, authorizedOperations: authorizedOperations(context, "Group", groupId) };
      } catch (error) {
        return undescribed(groupId, outcomeError(error, "DescribeGroups", context), context);
      }
    });
    return { throttleTimeMs: 0, groups: described };
  },

  refuse: ({ groups }, error, context) => ({
    throttleTimeMs: 0,
    groups: groups.map((groupId) => undescribed(groupId, error, context)),
  }),
});

async function describe(groupId: string, context: RequestContext): Promise<DescribedGroup> {
  authorize(context, "Describe", "Group", groupId);
  const group = await context.broker.coordinators.group(groupId).ask("describe", { groupId });
  if (group === null) {
    const unknown = new KafkaError("GROUP_ID_NOT_FOUND", `Group ${groupId} not found.`);
    const dead = { ...undescribed(groupId, unknown, context), groupState: "Dead" };
    return context.apiVersion >= UNKNOWN_GROUP_VERSION ? dead : { ...dead, errorCode: 0 };
  }
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map(({ instanceId, metadata, assignment, ...member }) => ({
      ...member,
      groupInstanceId: instanceId,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
  };
}

function undescribed(
  groupId: string,
  { code, message }: KafkaError,
  { apiVersion }: RequestContext,
): DescribedGroup {
  return {
    errorCode: code,
    ...(apiVersion >= UNKNOWN_GROUP_VERSION && { errorMessage: message }),
    groupId,
    groupState: "",
    protocolType: "",
    protocolData: "",
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  };
}
