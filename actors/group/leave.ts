/**
 * LeaveGroup: members that go of their own will, or are sent by an administrator.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import type { Group } from "./group.ts";
import type { Ground } from "./ground.ts";
import type { Joins } from "./join.ts";
import type { Member } from "./member.ts";
import type { MemberIdentity } from "./messages.ts";
import { dismiss, type Rebalance } from "./rebalance.ts";

/** A member that leaves. */
export interface Leaver extends MemberIdentity {
  readonly reason: string | null;
}

/** LeaveGroup. Returns each one's outcome, in their order. */
export function leave(
  groupId: string,
  leavers: readonly Leaver[],
  { groups }: Ground,
  { joins, rebalance }: { readonly joins: Joins; readonly rebalance: Rebalance },
): readonly (ErrorName | null)[] {
  if (groupId === "") throw new KafkaError("INVALID_GROUP_ID", "A group's id cannot be empty");
  const group = groups.get(groupId);
  if (!group) return leavers.map(() => "UNKNOWN_MEMBER_ID");

  const left: Member[] = [];
  const uninvited = new Map<string, Leaver>();
  let waiting = 0;
  const outcomes = leavers.map((leaver) => {
    const { memberId } = leaver;
    const isInvited = leaver.instanceId === null && group.invited.has(memberId);
    if (isInvited && !uninvited.has(memberId)) {
      uninvited.set(memberId, leaver);
      return null;
    }
    try {
      const member = leaving(group, leaver);
      left.push(member);
      waiting += Number(member.join !== null);
      dismiss(group, member);
      return null;
    } catch (error) {
      if (error instanceof KafkaError) return error.kind;
      throw error;
    }
  });
  // What follows is decided when all have gone. (Kafka: `classicGroupLeaveToClassicGroup`.) The machine, which takes the news
  // one by one, hears of the members first: it must not count on those that are dismissed.
  if (left.length > 0) {
    rebalance.send(group, { type: "remove", members: left.length, waiting }, {
      member: left.length === 1 ? left[0] : undefined,
      reason: leavers.map(reasonOf).join(", "),
    });
  }
  for (const [memberId, leaver] of uninvited) joins.uninvite(group, memberId, reasonOf(leaver));
  return outcomes;
}

/** An administrator names static members by their instance id alone. */
function leaving(group: Group, leaver: Leaver): Member {
  if (leaver.memberId !== "" || leaver.instanceId === null) return group.speaker(leaver);
  const member = group.staticMember(leaver.instanceId);
  if (!member) throw new KafkaError("UNKNOWN_MEMBER_ID");
  return member;
}

function reasonOf({ reason }: Leaver): string {
  return reason ?? "the member leaves";
}
