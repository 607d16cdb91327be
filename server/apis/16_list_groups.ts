import { listGroupsRequest, listGroupsResponse } from "../../protocol/messages/16_list_groups.ts";
import { defineApi } from "../api.ts";
import { CLUSTER, isAllowed } from "../security/authorizer.ts";

/**
 * ListGroups: the groups of this broker. Filters match without regard to case; an empty one lets all pass.
 * - v3: flexible
 * - v4: states (KIP-518)
 * - v5: types (KIP-848)
 */
export const listGroups = defineApi({
  name: "ListGroups",
  key: 16,
  versions: [0, 5],
  request: listGroupsRequest,
  response: listGroupsResponse,

  async handle({ statesFilter, typesFilter }, context) {
    const { coordinators } = context.broker;
    const lists = await Promise.all(
      coordinators.groups().map((coordinator) => coordinator.ask("list", {})),
    );
    const matchesState = filter(statesFilter);
    const matchesType = filter(typesFilter);
    const all = isAllowed(context, "Describe", "Cluster", CLUSTER);
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      groups: lists.flat().filter(({ groupId, state, type }) =>
        matchesState(state) && matchesType(type) &&
        (all || isAllowed(context, "Describe", "Group", groupId))
      ).map(({ groupId, protocolType, state, type }) => ({
        groupId,
        protocolType,
        groupState: state,
        groupType: type,
      })),
    };
  },

  refuse: (_request, { code }) => ({ throttleTimeMs: 0, errorCode: code, groups: [] }),
});

function filter(wanted: readonly string[] | undefined): (value: string) => boolean {
  if (!wanted || wanted.length === 0) return () => true;
  const values = new Set(wanted.map((value) => value.toLowerCase()));
  return (value) => values.has(value.toLowerCase());
}
