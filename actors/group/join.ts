/**
 * JoinGroup: who may enter a group, and as whom.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { isEncodable } from "../coordinator/encodable.ts";
import { Deadline } from "../core/deadline.ts";
import { type HandlerContext, PARKED } from "../core/message.ts";
import type { Group } from "./group.ts";
import { strangerIn } from "./group.ts";
import type { Ground } from "./ground.ts";
import { type Member, memberOf, offers } from "./member.ts";
import { type Joined, type JoinRequest, MemberIdRequired } from "./messages.ts";
import { type Rebalance, replacementRecord } from "./rebalance.ts";
import type { Sessions } from "./sessions.ts";

/**
 * How long the JoinGroup of a new member may wait. It cannot send heartbeats, and if its client has gone away it will join
 * again under another id. (Kafka: `CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`.)
 */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000;
/** Ids that one coordinator gives to members that have not come back with them yet. */
const INVITED_MAX = 2000;
/** What a member may offer, all protocols together: more would not fit the record of its group. */
const OFFER_BYTES_MAX = 512 * 1024;
const PROTOCOLS_MAX = 100;

/** JoinGroup. */
export class Joins {
  #invitedCount = 0;

  constructor(
    private readonly ground: Ground,
    private readonly rebalance: Rebalance,
    private readonly sessions: Sessions,
  ) {}

  join(request: JoinRequest, call: HandlerContext<Joined>): typeof PARKED {
    this.#check(request);
    const group = this.#groupFor(request);
    try {
      if (!this.#hasRoom(group, request.memberId)) {
        const member = group.member(request.memberId);
        if (member) this.sessions.remove(group, member, "the group has no room for the member");
        throw new KafkaError(
          "GROUP_MAX_SIZE_REACHED",
          `Group "${group.id}" has as many members as group.max.size allows`,
        );
      }
      if (!group.accepts(request.protocolType, request.protocols)) {
        throw new KafkaError(
          "INCONSISTENT_GROUP_PROTOCOL",
          `Group "${group.id}" has no protocol in common with the member`,
        );
      }
      if (request.memberId === "") this.#joinNew(group, request, call);
      else this.#joinKnown(group, request, call);
    } catch (error) {
      this.ground.groups.dropIfVacant(group);
      throw error;
    }
    return PARKED;
  }

  #check(request: JoinRequest): void {
    const { groupId, sessionTimeoutMs, protocols } = request;
    if (groupId === "") throw new KafkaError("INVALID_GROUP_ID", "A group's id cannot be empty");
    const config = this.ground.config();
    const minMs = config.int("group.min.session.timeout.ms");
    const maxMs = config.int("group.max.session.timeout.ms");
    if (sessionTimeoutMs < minMs || sessionTimeoutMs > maxMs) {
      throw new KafkaError(
        "INVALID_SESSION_TIMEOUT",
        `A session timeout of ${sessionTimeoutMs} ms is not between ${minMs} and ${maxMs}`,
      );
    }
    const bytes = protocols.reduce((sum, { metadata }) => sum + metadata.length, 0);
    if (protocols.length > PROTOCOLS_MAX || bytes > OFFER_BYTES_MAX) {
      throw new KafkaError(
        "INVALID_REQUEST",
        `A member offers ${protocols.length} protocols of ${bytes} bytes: more than a group can hold`,
      );
    }
    checkTexts(request);
  }

  #groupFor({ groupId, memberId }: JoinRequest): Group {
    const group = this.ground.groups.get(groupId);
    if (group) return group;
    if (memberId !== "") throw strangerIn(groupId, memberId);
    return this.ground.groups.obtain(groupId);
  }

  /** Whether another member may join, by `group.max.size`. (Kafka: `acceptJoiningMember`.) */
  #hasRoom(group: Group, memberId: string): boolean {
    const sizeMax = this.ground.config().int("group.max.size");
    const member = group.member(memberId);
    switch (group.stateName) {
      case "PreparingRebalance":
        return (member !== undefined && member.join !== null) ||
          group.state.context.joined < sizeMax;
      case "CompletingRebalance":
      case "Stable":
        return member !== undefined || group.size < sizeMax;
      default:
        return true;
    }
  }

  #joinNew(group: Group, request: JoinRequest, call: HandlerContext<Joined>): void {
    const { instanceId, clientId, needsKnownMember } = request;
    const id = `${instanceId ?? clientId}-${this.#uuid()}`;
    if (!isEncodable(id)) throw new KafkaError("INVALID_REQUEST", "The member's id is too long");
    const predecessor = instanceId === null ? undefined : group.staticMember(instanceId);
    if (predecessor) this.#replace(group, predecessor, id, request, call);
    else if (instanceId === null && needsKnownMember) this.#invite(group, id, request);
    else this.#add(group, id, request, call, false);
  }

  #joinKnown(group: Group, request: JoinRequest, call: HandlerContext<Joined>): void {
    const { memberId, instanceId, protocols, reason } = request;
    const invitation = group.invited.get(memberId);
    if (invitation && instanceId === null) {
      invitation.clear();
      group.invited.delete(memberId);
      this.#invitedCount--;
      return this.#add(group, memberId, request, call, true);
    }
    const member = group.speaker(request);
    this.rebalance.send(group, {
      type: "rejoin",
      waiting: member.join !== null,
      leads: group.leader === member.id,
      changed: !offers(member, protocols),
    }, { member, join: { request, call }, reason: reason ?? "the member joins again" });
  }

  #add(
    group: Group,
    id: string,
    request: JoinRequest,
    call: HandlerContext<Joined>,
    invited: boolean,
  ): void {
    const member = this.#newMember(group, id, request);
    group.add(member, request.protocolType);
    member.session.set(NEW_MEMBER_JOIN_TIMEOUT_MS);
    this.rebalance.send(group, { type: "add", invited }, {
      member,
      join: { request, call },
      reason: request.reason ?? "a new member joins",
    });
  }

  /** KIP-345: a static member is back, under a new id; the old one is fenced. */
  #replace(
    group: Group,
    old: Member,
    id: string,
    request: JoinRequest,
    call: HandlerContext<Joined>,
  ): void {
    const formerLeader = group.leader;
    const fenced = new KafkaError(
      "FENCED_INSTANCE_ID",
      `Static member "${old.instanceId}" of group "${group.id}" is back under another id`,
    );
    old.join?.fail(fenced);
    old.sync?.fail(fenced);
    const member = this.#newMember(group, id, request);
    member.assignment = old.assignment;
    member.synced = old.synced;
    member.isNew = false;
    group.replace(old, member);
    member.session.set(member.sessionTimeoutMs);
    this.rebalance.send(group, {
      type: "replace",
      waiting: old.join !== null,
      keepsProtocol: group.electProtocol() === group.protocolName &&
        this.ground.decisions.fits([replacementRecord(group)]),
    }, {
      member,
      join: { request, call },
      formerLeader,
      reason: request.reason ?? `static member "${old.instanceId}" is back`,
    });
  }

  /** KIP-394: a new member is told its id, and enters the group when it comes back with it. */
  #invite(group: Group, id: string, { sessionTimeoutMs }: JoinRequest): never {
    if (this.#invitedCount >= INVITED_MAX) {
      throw new KafkaError(
        "COORDINATOR_NOT_AVAILABLE",
        `${INVITED_MAX} members were told to join and have not yet`,
      );
    }
    const invitation = new Deadline(this.ground.self, this.ground.environment.clock, () => {
      this.uninvite(group, id, "the member did not come back with its id in time");
    });
    invitation.set(sessionTimeoutMs);
    group.invited.set(id, invitation);
    this.#invitedCount++;
    this.rebalance.send(group, { type: "invite" }, { reason: "a new member is given its id" });
    throw new MemberIdRequired(id);
  }

  /** Takes an invitation back; returns whether there was one. */
  uninvite(group: Group, id: string, reason: string): boolean {
    const invitation = group.invited.get(id);
    if (!invitation) return false;
    invitation.clear();
    group.invited.delete(id);
    this.#invitedCount--;
    this.rebalance.send(group, { type: "uninvite" }, { reason });
    this.ground.groups.dropIfVacant(group);
    return true;
  }

  /** The group is deleted: who was invited to it is a stranger. */
  uninviteAll(group: Group): void {
    for (const invitation of group.invited.values()) invitation.clear();
    this.#invitedCount -= group.invited.size;
    group.invited.clear();
    this.ground.groups.dropIfVacant(group);
  }

  #newMember(group: Group, id: string, request: JoinRequest): Member {
    return memberOf(id, request, this.sessions.sessionOf(group, id));
  }

  /** A random UUID in its text form. */
  #uuid(): string {
    const bytes = this.ground.environment.random.bytes(16);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
}

/** What a member says of itself is recorded later, when it is too late to refuse it: with the others, or when all have gone. */
function checkTexts({ groupId, instanceId, clientId, protocolType, protocols }: JoinRequest): void {
  const texts = [groupId, instanceId ?? "", clientId, protocolType];
  for (const { name } of protocols) texts.push(name);
  if (texts.every(isEncodable)) return;
  throw new KafkaError("INVALID_REQUEST", "A member says more of itself than can be recorded");
}
