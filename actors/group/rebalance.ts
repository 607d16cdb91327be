/**
 * Carries out what the rebalance machine decides: answers, timers, records.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { HandlerContext } from "../core/message.ts";
import { type Group, strangerIn } from "./group.ts";
import { nextState, type RebalanceAction, type RebalanceEvent } from "./group_machine.ts";
import type { Ground } from "./ground.ts";
import { identityOf, type Member, metadataFor } from "./member.ts";
import type { Joined, JoinRequest, Synced } from "./messages.ts";
import { groupRecord, groupTombstone, offsetTombstone } from "./records.ts";

/** What an event is about, beside what the machine needs to know. */
export interface Occasion {
  /** Why, for the feed. */
  readonly reason: string;
  readonly member?: Member;
  /** A JoinGroup, and how to answer it. */
  readonly join?: { readonly request: JoinRequest; readonly call: HandlerContext<Joined> };
  /** How to answer a SyncGroup. */
  readonly sync?: HandlerContext<Synced>;
  /** The leader's assignment, as it is to be recorded. */
  readonly assignment?: Decision;
  /** The leader before a static member was replaced. */
  readonly formerLeader?: string | null;
}

interface Step extends Occasion {
  readonly group: Group;
  readonly event: RebalanceEvent;
}

/** Carries out what the rebalance machine decides. */
export class Rebalance {
  readonly #effects: Readonly<Record<RebalanceAction, (step: Step) => void>> = {
    holdJoin: ({ group, member, join }) => holdJoin(group, member!, join!),
    answerJoin: ({ group, member, join }) => join!.call.reply(joined(group, member!)),
    answerJoins: ({ group }) => answerJoins(group),
    holdSync: ({ member, sync }) => {
      member!.sync?.fail(new KafkaError("REBALANCE_IN_PROGRESS"));
      member!.sync = sync!;
      member!.synced = true;
    },
    answerSync: ({ group, member, sync }) => {
      member!.synced = true;
      sync!.reply(synced(group, member!));
    },
    answerSyncs: ({ group }) => {
      settleSyncs(group, (member) => member.sync!.reply(synced(group, member)));
    },
    failSyncs: ({ group }) => {
      settleSyncs(group, (member) => member.sync!.fail(new KafkaError("REBALANCE_IN_PROGRESS")));
    },
    removeUnjoined: ({ group }) => {
      for (const member of unjoinedDynamic(group)) dismiss(group, member);
    },
    electLeader: ({ group }) => group.electLeader(),
    chooseProtocol: ({ group }) => {
      group.protocolName = group.electProtocol();
    },
    startGathering: ({ group, event }) => this.#startGathering(group, event.type === "add"),
    startJoinTimer: ({ group }) => {
      this.#startJoinTimer(group, group.rebalanceTimeoutMs, () => {
        this.send(group, { type: "joinTimeout", staying: staying(group) }, {
          reason: "the rebalance timeout has passed",
        });
      });
    },
    cancelJoinTimer: ({ group }) => {
      group.timers.join?.cancel();
      group.timers.join = null;
    },
    startSyncTimer: ({ group }) => {
      group.timers.sync?.cancel();
      group.timers.sync = this.ground.self.schedule(
        group.rebalanceTimeoutMs,
        () => this.#removeUnsynced(group),
      );
    },
    cancelSyncTimer: ({ group }) => {
      group.timers.sync?.cancel();
      group.timers.sync = null;
    },
    persistAssignment: ({ assignment }) => this.ground.decisions.append([assignment!]),
    persistReplacement: ({ group, member, join, formerLeader }) => {
      this.ground.decisions.append([replacementRecord(group)]);
      member!.isNew = false;
      join!.call.reply(replaced(group, member!, join!.request, formerLeader ?? null));
    },
    persistEmptyGroup: ({ group }) => {
      group.protocolName = null;
      group.leader = null;
      this.ground.decisions.append([groupRecord(group.id, group.record(neverCalled))]);
    },
    persistTombstones: ({ group }) =>
      this.ground.decisions.appendAll(tombstones(group, this.ground)),
    refuseStranger: ({ group, join, sync, member }) => {
      (join?.call ?? sync)?.fail(strangerIn(group.id, member?.id ?? ""));
    },
    refuseRebalancing: ({ sync }) => sync!.fail(new KafkaError("REBALANCE_IN_PROGRESS")),
    refuseNonEmpty: ({ group }) => {
      throw new KafkaError("NON_EMPTY_GROUP", `Group "${group.id}" has members`);
    },
  };

  constructor(private readonly ground: Ground) {}

  /**
   * Lets something happen to a group.
   *
   * @throws KafkaError what the group refuses to the asker, where there is no call to fail
   */
  send(group: Group, event: RebalanceEvent, occasion: Occasion): void {
    const from = group.stateName;
    const [next, actions] = nextState(group.state, event);
    group.state = next;
    const timeMs = this.ground.environment.clock.now();
    if (next.value !== from) group.stateTimestampMs = timeMs;
    for (const action of actions) this.#effects[action]({ ...occasion, group, event });
    const { feed } = this.ground;
    if (feed.idle) return;
    feed.publish({
      group: group.id,
      event: event.type,
      from,
      to: next.value,
      generation: next.context.generation,
      member: occasion.member?.id ?? null,
      reason: occasion.reason,
      timeMs,
    });
  }

  /** KIP-134: the first rebalance of an empty group waits, as long as members come, so that one rebalance does for all. */
  #startGathering(group: Group, first: boolean): void {
    const { timers, rebalanceTimeoutMs } = group;
    const leftMs = first ? rebalanceTimeoutMs : timers.gatheringLeftMs;
    const delayMs = Math.min(this.ground.config().int("group.initial.rebalance.delay.ms"), leftMs);
    timers.gatheringLeftMs = Math.max(leftMs - delayMs, 0);
    this.#startJoinTimer(group, delayMs, () => {
      const mayExtend = timers.gatheringLeftMs > 0;
      this.send(group, { type: "gathered", mayExtend, staying: staying(group) }, {
        reason: "the group has gathered",
      });
    });
  }

  #startJoinTimer(group: Group, delayMs: number, onElapsed: () => void): void {
    group.timers.join?.cancel();
    group.timers.join = this.ground.self.schedule(delayMs, () => {
      group.timers.join = null;
      onElapsed();
    });
  }

  #removeUnsynced(group: Group): void {
    group.timers.sync = null;
    const unsynced = [...group.members()].filter((member) => !member.synced);
    if (unsynced.length === 0) return;
    for (const member of unsynced) dismiss(group, member);
    this.send(group, { type: "syncTimeout", members: unsynced.length }, {
      reason: `${unsynced.length} members did not ask for their assignment`,
    });
  }
}

/** Takes a member out of its group; what it waits for is answered that it is not a member. */
export function dismiss(group: Group, member: Member): void {
  const refusal = strangerIn(group.id, member.id);
  member.join?.fail(refusal);
  member.sync?.fail(refusal);
  member.join = member.sync = null;
  group.remove(member);
}

/** The record of a group whose members have changed their ids, not their assignments. */
export function replacementRecord(group: Group): Decision {
  return groupRecord(group.id, group.record(({ assignment }) => assignment));
}

function holdJoin(
  group: Group,
  member: Member,
  { request, call }: NonNullable<Occasion["join"]>,
): void {
  // The client has given up waiting for the answer to an earlier one: this one takes its place.
  if (member.join !== call) member.join?.fail(new KafkaError("REBALANCE_IN_PROGRESS"));
  member.join = call;
  group.change(member, request.protocols);
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  member.sessionTimeoutMs = request.sessionTimeoutMs;
}

function answerJoins(group: Group): void {
  for (const member of group.members()) {
    member.join?.reply(joined(group, member));
    member.join = null;
    member.isNew = false;
    member.synced = false;
    member.session.set(member.sessionTimeoutMs);
  }
}

function settleSyncs(group: Group, settle: (member: Member) => void): void {
  for (const member of group.members()) {
    if (!member.sync) continue;
    settle(member);
    member.sync = null;
    member.session.set(member.sessionTimeoutMs);
  }
}

function joined(group: Group, member: Member): Joined {
  return {
    memberId: member.id,
    generation: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leader ?? "",
    members: group.leader === member.id ? membersOf(group) : [],
    skipAssignment: false,
  };
}

/**
 * What a static member is told that has come back without a rebalance. It must not assign anew, even if it leads: old
 * versions are told that its former id leads (KIP-345), newer ones to skip it (KIP-814).
 */
function replaced(
  group: Group,
  member: Member,
  { canSkipAssignment }: JoinRequest,
  formerLeader: string | null,
): Joined {
  const answer = joined(group, member);
  if (canSkipAssignment) return { ...answer, skipAssignment: group.leader === member.id };
  return { ...answer, leader: formerLeader ?? "", members: [] };
}

function membersOf(group: Group): Joined["members"] {
  return [...group.members()].map((member) => ({
    ...identityOf(member),
    metadata: metadataFor(member, group.protocolName),
  }));
}

function synced({ protocolType, protocolName }: Group, { assignment }: Member): Synced {
  return { protocolType, protocolName, assignment };
}

function* unjoinedDynamic(group: Group): Iterable<Member> {
  for (const member of [...group.members()]) {
    if (!member.join && member.instanceId === null) yield member;
  }
}

/** Members that are left when those that did not join are removed. Static ones keep their places. */
function staying(group: Group): number {
  return group.size - [...unjoinedDynamic(group)].length;
}

function* tombstones(group: Group, { groups }: Ground): Iterable<Decision> {
  // Read before any is applied: applying them changes what is read.
  for (const place of groups.select(group, () => () => true)) {
    yield offsetTombstone(group.id, place);
  }
  yield groupTombstone(group.id);
}

function neverCalled(): never {
  throw new TypeError("An empty group has no assignments");
}
