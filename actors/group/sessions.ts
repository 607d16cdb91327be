/**
 * Heartbeats, and what becomes of members that are silent.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { Deadline } from "../core/deadline.ts";
import { type Group, strangerIn } from "./group.ts";
import type { Ground } from "./ground.ts";
import type { Member } from "./member.ts";
import type { MemberIdentity } from "./messages.ts";
import { dismiss, type Rebalance } from "./rebalance.ts";

/** Makes the deadlines of members' sessions. */
export type SessionOf = (group: Group, memberId: string) => Deadline;

/** Heartbeats, and what becomes of members that are silent. */
export class Sessions {
  constructor(
    private readonly ground: Ground,
    private readonly rebalance: Rebalance,
    /** Makes the deadline of a member's session, which must call {@linkcode elapsed}. */
    readonly sessionOf: SessionOf,
  ) {}

  /**
   * Heartbeat.
   *
   * @throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION; REBALANCE_IN_PROGRESS when the member has
   * to join again
   */
  heartbeat(
    request: MemberIdentity & { readonly groupId: string; readonly generation: number },
  ): void {
    if (request.groupId === "") {
      throw new KafkaError("INVALID_GROUP_ID", "A group's id cannot be empty");
    }
    const group = this.ground.groups.get(request.groupId);
    if (!group) throw strangerIn(request.groupId, request.memberId);
    const member = group.speaker(request);
    checkGeneration(group, request.generation);
    member.session.set(member.sessionTimeoutMs);
    if (group.stateName === "PreparingRebalance") throw new KafkaError("REBALANCE_IN_PROGRESS");
  }

  /** A member was not heard of for as long as its session lasts. */
  elapsed(group: Group, memberId: string): void {
    const member = group.member(memberId);
    if (!member) return;
    // Who waits for an answer is alive. A new member is not known to be: its client may have gone away.
    if (!member.isNew && (member.join || member.sync)) return;
    this.remove(group, member, "the member's session has timed out");
  }

  /** Removes one member. */
  remove(group: Group, member: Member, reason: string): void {
    const waiting = Number(member.join !== null);
    dismiss(group, member);
    this.rebalance.send(group, { type: "remove", members: 1, waiting }, { member, reason });
  }
}

/** @throws KafkaError ILLEGAL_GENERATION */
export function checkGeneration(group: Group, generation: number): void {
  if (generation === group.generation) return;
  throw new KafkaError(
    "ILLEGAL_GENERATION",
    `Group "${group.id}" is in generation ${group.generation}, not ${generation}`,
  );
}
