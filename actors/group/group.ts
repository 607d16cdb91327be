/**
 * One group: who its members are, what it agreed on, what it has committed.
 *
 * @module
 */
import { invariant, KafkaError } from "../../protocol/errors.ts";
import type {
  GroupMetadataValue,
  groupMetadataValue,
} from "../../protocol/messages/records/classic_group.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import type { Deadline } from "../core/deadline.ts";
import { GroupOffsets } from "./group_offsets.ts";
import { type GroupStateName, type RebalanceState, resumedState } from "./group_machine.ts";
import { isSameBytes, type Member, metadataFor } from "./member.ts";
import type { MemberIdentity, OfferedProtocol } from "./messages.ts";
import { ProtocolVote } from "./protocol_vote.ts";
import { CONSUMER_PROTOCOL_TYPE, subscribedTopics } from "./subscription.ts";

/** The timers of one group. They are the coordinator's to fill in. */
export interface GroupTimers {
  /** Ends the join phase, or the gathering before it. */
  join: { cancel(): void } | null;
  /** Ends the sync phase. */
  sync: { cancel(): void } | null;
  /** How long an initial rebalance may still be put off, in ms. */
  gatheringLeftMs: number;
}

/** One group. */
export class Group {
  readonly offsets: GroupOffsets = new GroupOffsets();
  readonly timers: GroupTimers = { join: null, sync: null, gatheringLeftMs: 0 };
  /** Where the rebalance stands. */
  state: RebalanceState = resumedState({ generation: 0, members: 0 });
  /** `consumer`, `connect`, …; null = there never was a member. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leader: string | null = null;
  /** When the state last changed, -1 = unknown: it decides when the offsets of an empty group expire. */
  stateTimestampMs = -1;
  /** Whether a record tells of this group. */
  recorded = false;
  /** New members that were given their id, by that id. */
  readonly invited: Map<string, Deadline> = new Map();
  readonly #members = new Map<string, Member>();
  /** Ids of the static members, by instance id. */
  readonly #static = new Map<string, string>();
  readonly #vote = new ProtocolVote();
  #recordedGeneration = 0;

  constructor(readonly id: string) {}

  get stateName(): GroupStateName {
    return this.state.value;
  }

  get generation(): number {
    return this.state.context.generation;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Whether nothing is known of the group, and it waits for nobody: it need not be kept. */
  get isVacant(): boolean {
    const { stateName } = this;
    if (stateName !== "Empty" && stateName !== "Dead") return false; // its timers would outlive it
    return !this.recorded && this.size === 0 && this.invited.size === 0 && this.offsets.isEmpty;
  }

  /** The longest time that a member asks for to rejoin, in ms. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0;
    for (const { rebalanceTimeoutMs } of this.#members.values()) {
      longestMs = Math.max(longestMs, rebalanceTimeoutMs);
    }
    return longestMs;
  }

  members(): Iterable<Member> {
    return this.#members.values();
  }

  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  staticMember(instanceId: string): Member | undefined {
    const id = this.#static.get(instanceId);
    return id === undefined ? undefined : this.#members.get(id);
  }

  /**
   * The member that speaks.
   *
   * @throws KafkaError UNKNOWN_MEMBER_ID; FENCED_INSTANCE_ID when a static member has come back under another id
   */
  speaker({ memberId, instanceId }: MemberIdentity): Member {
    if (instanceId !== null) {
      const member = this.staticMember(instanceId);
      if (member && member.id !== memberId) {
        throw new KafkaError(
          "FENCED_INSTANCE_ID",
          `Static member "${instanceId}" of group "${this.id}" is ${member.id} now, not ${memberId}`,
        );
      }
      if (!member) throw strangerIn(this.id, memberId);
    }
    const member = this.#members.get(memberId);
    if (!member) throw strangerIn(this.id, memberId);
    return member;
  }

  /** Whether somebody with this offer can be a member. */
  accepts(protocolType: string, protocols: readonly OfferedProtocol[]): boolean {
    if (this.stateName === "Empty") return protocolType !== "" && protocols.length > 0;
    return protocolType === this.protocolType && this.#vote.accepts(protocols);
  }

  add(member: Member, protocolType: string): void {
    invariant(!this.#members.has(member.id), `Member ${member.id} is there already`);
    if (this.size === 0) this.protocolType = protocolType;
    this.#members.set(member.id, member);
    if (member.instanceId !== null) this.#static.set(member.instanceId, member.id);
    this.#vote.add(member);
    this.leader ??= member.id;
  }

  remove(member: Member): void {
    if (!this.#members.delete(member.id)) return;
    member.session.clear();
    this.#vote.remove(member);
    if (member.instanceId !== null && this.#static.get(member.instanceId) === member.id) {
      this.#static.delete(member.instanceId);
    }
    if (this.leader === member.id) this.leader = this.#members.keys().next().value ?? null;
  }

  /** Puts a member in the place of another: the same static member under a new id. */
  replace(old: Member, member: Member): void {
    const wasLeader = this.leader === old.id;
    this.remove(old);
    this.add(member, this.protocolType!);
    if (wasLeader) this.leader = member.id;
  }

  /** A member offers something else. */
  change(member: Member, protocols: readonly OfferedProtocol[]): void {
    this.#vote.remove(member);
    member.protocols = protocols;
    this.#vote.add(member);
  }

  /** The protocol that the members would use now. */
  electProtocol(): string {
    return this.#vote.elect(this.#members.values());
  }

  /** Makes a member that has joined the leader, unless the leader has. (Kafka: `maybeElectNewJoinedLeader`.) */
  electLeader(): void {
    if (this.leader !== null && this.#members.get(this.leader)?.join) return;
    for (const { id, join } of this.#members.values()) {
      if (!join) continue;
      this.leader = id;
      return;
    }
  }

  /** The topics that the members consume; null when that is not known: other protocol types. */
  subscribedTopics(): ReadonlySet<string> | null {
    if (this.protocolType !== CONSUMER_PROTOCOL_TYPE) return null;
    const topics = new Set<string>();
    if (this.size > 0 && this.protocolName === null) return null;
    for (const member of this.#members.values()) {
      const subscribed = subscribedTopics(metadataFor(member, this.protocolName));
      if (subscribed === null) return null;
      for (const topic of subscribed) topics.add(topic);
    }
    return topics;
  }

  /** Whether offsets of this topic are in use. */
  consumes(topic: string): boolean {
    return this.subscribedTopics()?.has(topic) ?? this.protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  /** The record of the current generation, with these assignments. */
  record(assignmentOf: (member: Member) => Uint8Array): Draft<typeof groupMetadataValue> {
    return {
      protocolType: this.protocolType ?? "",
      generation: this.generation,
      protocol: this.protocolName,
      leader: this.leader,
      currentStateTimestamp: BigInt(this.stateTimestampMs),
      members: [...this.#members.values()].map((member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: metadataFor(member, this.protocolName),
        assignment: assignmentOf(member),
      })),
    };
  }

  /**
   * Takes over what a record tells: the only way in which what is durable of a group changes. Live, the members are those
   * that the record was made of, and get their assignments; on load they are made of it.
   *
   * @param sessionOf makes the deadline of a member's session
   */
  replay(value: GroupMetadataValue, sessionOf: (memberId: string) => Deadline): void {
    this.recorded = true;
    this.protocolType = value.protocolType === "" ? null : value.protocolType;
    this.protocolName = value.protocol;
    this.stateTimestampMs = Number(value.currentStateTimestamp);
    const gone = new Set(this.#members.keys());
    for (const told of value.members) {
      gone.delete(told.memberId);
      const member = this.#members.get(told.memberId);
      if (member && isMeant(member, told, value)) {
        member.assignment = told.assignment;
      } else {
        if (member) this.remove(member);
        this.#add(told, value, sessionOf(told.memberId));
      }
    }
    for (const id of gone) this.remove(this.#members.get(id)!);
    this.#order(value.members);
    this.leader = value.leader;
    this.#recordedGeneration = value.generation;
  }

  /** Takes up the state that the records tell: at the end of a load. */
  resume(): void {
    this.state = resumedState({ generation: this.#recordedGeneration, members: this.size });
  }

  /** Forgets what records told: the group was deleted. */
  forget(): void {
    this.recorded = false;
    for (const member of [...this.#members.values()]) this.remove(member);
    this.protocolType = null;
    this.protocolName = null;
    this.leader = null;
    this.stateTimestampMs = -1;
    this.#recordedGeneration = 0;
  }

  /** Who comes first leads when the leader goes: after a load, too, which may have met members in another order. */
  #order(members: GroupMetadataValue["members"]): void {
    for (const { memberId } of members) {
      const member = this.#members.get(memberId)!;
      this.#members.delete(memberId);
      this.#members.set(memberId, member);
    }
  }

  #add(
    told: GroupMetadataValue["members"][number],
    { protocol, protocolType }: GroupMetadataValue,
    session: Deadline,
  ): void {
    this.add({
      id: told.memberId,
      instanceId: told.groupInstanceId,
      clientId: told.clientId,
      clientHost: told.clientHost,
      // The first version of the record had no rebalance timeout.
      rebalanceTimeoutMs: told.rebalanceTimeout < 0 ? told.sessionTimeout : told.rebalanceTimeout,
      sessionTimeoutMs: told.sessionTimeout,
      protocols: [{ name: protocol ?? "", metadata: told.subscription }],
      assignment: told.assignment,
      join: null,
      sync: null,
      // The record is of a generation that has its assignment: nobody is waited for.
      synced: true,
      isNew: false,
      session,
    }, protocolType);
  }
}

/** UNKNOWN_MEMBER_ID. */
export function strangerIn(group: string, memberId: string): KafkaError {
  return new KafkaError("UNKNOWN_MEMBER_ID", `Group "${group}" has no member "${memberId}"`);
}

/** Whether a record tells of the member as it is here. A record read on load may tell of a later offer. */
function isMeant(
  member: Member,
  { subscription }: GroupMetadataValue["members"][number],
  { protocol }: GroupMetadataValue,
): boolean {
  const offered = member.protocols.find(({ name }) => name === protocol);
  return offered !== undefined && isSameBytes(offered.metadata, subscription);
}
