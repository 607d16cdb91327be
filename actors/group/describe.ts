import type { Group } from "./group.ts";
import { identityOf, metadataFor, NO_BYTES } from "./member.ts";
import type { GroupDescription, GroupListing } from "./messages.ts";

/** A group as DescribeGroups tells it: what the members offer means something only while the group is stable. */
export function describe(group: Group): GroupDescription {
  const stable = group.stateName === "Stable";
  return {
    state: group.stateName,
    protocolType: group.protocolType ?? "",
    protocolName: stable ? group.protocolName ?? "" : "",
    members: [...group.members()].map((member) => ({
      ...identityOf(member),
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: stable ? metadataFor(member, group.protocolName) : NO_BYTES,
      assignment: member.assignment,
    })),
  };
}

/** A group as ListGroups tells it. */
export function listed(group: Group): GroupListing {
  return {
    groupId: group.id,
    protocolType: group.protocolType ?? "",
    state: group.stateName,
    type: "classic",
  };
}
