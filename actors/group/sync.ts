/**
 * SyncGroup: the leader brings everybody's assignment, everybody fetches theirs.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { type HandlerContext, PARKED } from "../core/message.ts";
import { type Group, strangerIn } from "./group.ts";
import type { Ground } from "./ground.ts";
import { NO_BYTES } from "./member.ts";
import type { Synced, SyncRequest } from "./messages.ts";
import type { Rebalance } from "./rebalance.ts";
import { groupRecord } from "./records.ts";
import { checkGeneration } from "./sessions.ts";

/** SyncGroup. */
export function sync(
  request: SyncRequest,
  call: HandlerContext<Synced>,
  { groups, decisions }: Ground,
  rebalance: Rebalance,
): typeof PARKED {
  if (request.groupId === "") {
    throw new KafkaError("INVALID_GROUP_ID", "A group's id cannot be empty");
  }
  const group = groups.get(request.groupId);
  if (!group) throw strangerIn(request.groupId, request.memberId);
  const member = group.speaker(request);
  checkGeneration(group, request.generation);
  checkProtocol(group, request);

  const leads = group.leader === member.id;
  const assignment = leads && group.stateName === "CompletingRebalance"
    ? assignmentRecord(group, request.assignments)
    : undefined;
  if (assignment && !decisions.fits([assignment])) {
    throw new KafkaError(
      "UNKNOWN_SERVER_ERROR",
      `The assignment of group "${group.id}" is larger than a record can be`,
    );
  }
  rebalance.send(group, { type: "sync", leads, first: !member.synced }, {
    member,
    sync: call,
    assignment,
    reason: leads ? "the leader brings the assignment" : "the member asks for its assignment",
  });
  if (group.stateName === "Stable") member.session.set(member.sessionTimeoutMs);
  return PARKED;
}

function checkProtocol(group: Group, { protocolType, protocolName }: SyncRequest): void {
  const sameType = protocolType === null || protocolType === group.protocolType;
  const sameName = protocolName === null || protocolName === group.protocolName;
  if (sameType && sameName) return;
  throw new KafkaError(
    "INCONSISTENT_GROUP_PROTOCOL",
    `Group "${group.id}" uses protocol ${group.protocolType}/${group.protocolName}`,
  );
}

/** What the leader assigned, for members only: strangers get nothing, who was left out gets nothing. */
function assignmentRecord(group: Group, assignments: SyncRequest["assignments"]) {
  const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  return groupRecord(group.id, group.record(({ id }) => byMember.get(id) ?? NO_BYTES));
}
