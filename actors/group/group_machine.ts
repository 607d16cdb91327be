/**
 * The rebalance of a classic group, as a state machine.
 *
 * The machine decides and does nothing: {@linkcode nextState} gives the next state and the names of the actions that
 * belong to the step, in order. The coordinator carries them out (`rebalance.ts`). The context counts; who is meant is the
 * coordinator's to know. State names are Kafka's, because DescribeGroups tells them.
 *
 * Kafka: `ClassicGroup`, `ClassicGroupState`, and the classic half of `GroupMetadataManager`.
 *
 * @module
 */
import { assign, setup, type SnapshotFrom, transition } from "../core/state_machine.ts";

/** What the machine counts. Plain JSON. */
export interface RebalanceContext {
  /** Join phases completed. */
  readonly generation: number;
  readonly members: number;
  /** Members whose JoinGroup waits for the join phase to end. */
  readonly joined: number;
  /** Ids given to new members that have not joined with them yet (KIP-394). */
  readonly invited: number;
  /** Members of the generation that have not asked for their assignment yet. */
  readonly unsynced: number;
  /** Whether the group was empty before this rebalance: it then waits for more members before it goes on. */
  readonly gathering: boolean;
  /** Whether a member was added since the group began to gather, or last went on gathering. */
  readonly newcomers: boolean;
}

/** What can happen to a group. */
export type RebalanceEvent =
  /** A new member was given its id and has to come back with it. */
  | { readonly type: "invite" }
  /** An invited member did not come in time, or gave up. */
  | { readonly type: "uninvite" }
  /** A new member asks to join. */
  | { readonly type: "add"; readonly invited: boolean }
  /** A member asks to join again. */
  | {
    readonly type: "rejoin";
    /** Its earlier JoinGroup still waits. */
    readonly waiting: boolean;
    readonly leads: boolean;
    /** It offers other protocols or metadata than before. */
    readonly changed: boolean;
  }
  /** A static member is back under another id (KIP-345). */
  | {
    readonly type: "replace";
    readonly waiting: boolean;
    /** The protocol elected with its new offer would be the current one. */
    readonly keepsProtocol: boolean;
  }
  /** A member asks for its assignment; the leader brings everybody's. */
  | { readonly type: "sync"; readonly leads: boolean; readonly first: boolean }
  /** Members left, or were silent for too long. `waiting` of them had a JoinGroup waiting. */
  | { readonly type: "remove"; readonly members: number; readonly waiting: number }
  /** The group has gathered for a while; `staying` members are left without those that did not join. */
  | { readonly type: "gathered"; readonly mayExtend: boolean; readonly staying: number }
  /** The join phase has lasted the rebalance timeout. */
  | { readonly type: "joinTimeout"; readonly staying: number }
  /** The sync phase has lasted the rebalance timeout: `members` are removed that did not ask for their assignment. */
  | { readonly type: "syncTimeout"; readonly members: number }
  /** The coordinator wants the members to join again. */
  | { readonly type: "rebalance" }
  /** The group is deleted, or has expired. */
  | { readonly type: "delete" };

/** An action's name: what the coordinator has to carry out. */
export type RebalanceAction =
  | "holdJoin"
  | "answerJoin"
  | "answerJoins"
  | "holdSync"
  | "answerSync"
  | "answerSyncs"
  | "failSyncs"
  | "removeUnjoined"
  | "electLeader"
  | "chooseProtocol"
  | "startGathering"
  | "startJoinTimer"
  | "cancelJoinTimer"
  | "startSyncTimer"
  | "cancelSyncTimer"
  | "persistAssignment"
  | "persistReplacement"
  | "persistEmptyGroup"
  | "persistTombstones"
  | "refuseStranger"
  | "refuseRebalancing"
  | "refuseNonEmpty";

/** For an action that is carried out elsewhere. */
function named(): void {}

const rebalance = setup({
  types: {
    context: {} as RebalanceContext,
    events: {} as RebalanceEvent,
    input: {} as { readonly generation: number; readonly members: number },
  },
  guards: {
    everybodyLeft: ({ context }) =>
      !context.gathering && context.members === 0 && context.invited === 0,
    everybodyJoined: ({ context }) =>
      !context.gathering && context.joined === context.members && context.invited === 0,
    goesOnGathering: ({ context, event }) =>
      event.type === "gathered" && event.mayExtend && context.newcomers,
    nobodyStays: ({ event }) => "staying" in event && event.staying === 0,
    nobodyJoined: ({ context }) => context.joined === 0,
    somebodyIsUnsynced: ({ context }) => context.unsynced > 0,
    leads: ({ event }) => "leads" in event && event.leads,
    hasChanged: ({ event }) => event.type === "rejoin" && event.changed,
    leadsOrHasChanged: ({ event }) => event.type === "rejoin" && (event.leads || event.changed),
    keepsProtocol: ({ event }) => event.type === "replace" && event.keepsProtocol,
  },
  actions: {
    countInvited: assign({ invited: ({ context }) => context.invited + 1 }),
    countUninvited: assign({ invited: ({ context }) => Math.max(0, context.invited - 1) }),
    countAdded: assign(({ context, event }) => ({
      members: context.members + 1,
      joined: context.joined + 1,
      invited: context.invited - Number(event.type === "add" && event.invited),
      newcomers: context.gathering,
    })),
    countJoined: assign(({ context, event }) => ({
      joined: context.joined + Number("waiting" in event && !event.waiting),
    })),
    countSynced: assign(({ context, event }) => ({
      unsynced: context.unsynced - Number(event.type === "sync" && event.first),
    })),
    countRemoved: assign(({ context, event }) => ({
      members: context.members -
        (event.type === "remove" || event.type === "syncTimeout" ? event.members : 0),
      joined: context.joined - (event.type === "remove" ? event.waiting : 0),
    })),
    countStaying: assign(({ context, event }) => ({
      members: "staying" in event ? event.staying : context.members,
      gathering: false,
    })),
    beginGathering: assign({ gathering: true, newcomers: false }),
    goOnGathering: assign({ newcomers: false }),
    forgetSyncs: assign({ unsynced: 0 }),
    nextGeneration: assign(({ context }) => ({
      generation: context.generation + 1,
      joined: 0,
      unsynced: context.members,
      gathering: false,
      newcomers: false,
    })),
    holdJoin: named,
    answerJoin: named,
    answerJoins: named,
    holdSync: named,
    answerSync: named,
    answerSyncs: named,
    failSyncs: named,
    removeUnjoined: named,
    electLeader: named,
    chooseProtocol: named,
    startGathering: named,
    startJoinTimer: named,
    cancelJoinTimer: named,
    startSyncTimer: named,
    cancelSyncTimer: named,
    persistAssignment: named,
    persistReplacement: named,
    persistEmptyGroup: named,
    persistTombstones: named,
    refuseStranger: named,
    refuseRebalancing: named,
    refuseNonEmpty: named,
  },
});

const joinPhaseEnds = [
  "nextGeneration",
  "electLeader",
  "chooseProtocol",
  "answerJoins",
  "startSyncTimer",
] as const;
const syncPhaseFails = ["forgetSyncs", "failSyncs", "cancelSyncTimer"] as const;
const syncPhaseIsOver = ["forgetSyncs", "cancelSyncTimer"] as const;
const groupEmpties = ["nextGeneration", "persistEmptyGroup"] as const;

/** The rebalance of a classic group. */
export const groupMachine = rebalance.createMachine({
  id: "group",
  initial: "Empty",
  context: ({ input }) => ({ ...initialContext, ...input }),
  on: {
    invite: { actions: "countInvited" },
    uninvite: { actions: "countUninvited" },
  },
  states: {
    /**
     * No members. Offsets may be committed without a membership, and expire.
     *
     * - join of a new member: PreparingRebalance, after a while in which others may come
     * - join of a known member, sync: UNKNOWN_MEMBER_ID
     * - deletion, or expiry of the last offset: Dead
     */
    Empty: {
      on: {
        add: {
          target: "PreparingRebalance",
          actions: ["countAdded", "beginGathering", "holdJoin", "startGathering"],
        },
        rejoin: { actions: "refuseStranger" },
        replace: { actions: "refuseStranger" },
        sync: { actions: "refuseStranger" },
        delete: { target: "Dead", actions: "persistTombstones" },
      },
    },
    /**
     * The join phase: the members' JoinGroup requests are held until all have joined or it took too long. Heartbeats and
     * syncs are answered REBALANCE_IN_PROGRESS; offsets may be committed in the old generation.
     *
     * - all members have joined: CompletingRebalance, in the next generation
     * - the rebalance timeout passes: dynamic members that have not joined are removed; CompletingRebalance
     * - all members have left: Empty, in the next generation
     */
    PreparingRebalance: {
      exit: "cancelJoinTimer",
      always: [
        { guard: "everybodyLeft", target: "Empty", actions: groupEmpties },
        { guard: "everybodyJoined", target: "CompletingRebalance", actions: joinPhaseEnds },
      ],
      on: {
        add: { actions: ["countAdded", "holdJoin"] },
        rejoin: { actions: ["countJoined", "holdJoin"] },
        replace: { actions: ["countJoined", "holdJoin"] },
        remove: { actions: "countRemoved" },
        sync: { actions: "refuseRebalancing" },
        delete: { actions: "refuseNonEmpty" },
        gathered: [
          { guard: "goesOnGathering", actions: ["goOnGathering", "startGathering"] },
          {
            guard: "nobodyStays",
            target: "Empty",
            actions: ["removeUnjoined", "countStaying", ...groupEmpties],
          },
          {
            target: "CompletingRebalance",
            actions: ["removeUnjoined", "countStaying", ...joinPhaseEnds],
          },
        ],
        joinTimeout: [
          {
            guard: "nobodyStays",
            target: "Empty",
            actions: ["removeUnjoined", "countStaying", ...groupEmpties],
          },
          // Only static members are left, and none has come back yet: their places are kept.
          {
            guard: "nobodyJoined",
            actions: ["removeUnjoined", "countStaying", "startJoinTimer"],
          },
          {
            target: "CompletingRebalance",
            actions: ["removeUnjoined", "countStaying", ...joinPhaseEnds],
          },
        ],
      },
    },
    /**
     * The sync phase: the members know their generation and wait for the leader's assignment. Their syncs are held;
     * heartbeats are answered; commits are answered REBALANCE_IN_PROGRESS.
     *
     * - sync of the leader: Stable
     * - join of a new member, of one that offers something else, of a static member under a new id: PreparingRebalance
     * - a member leaves or is silent, or has not synced in time: PreparingRebalance
     */
    CompletingRebalance: {
      on: {
        add: {
          target: "PreparingRebalance",
          actions: [
            "countAdded",
            ...syncPhaseFails,
            "holdJoin",
            "startJoinTimer",
          ],
        },
        rejoin: [
          {
            guard: "hasChanged",
            target: "PreparingRebalance",
            actions: [
              "countJoined",
              ...syncPhaseFails,
              "holdJoin",
              "startJoinTimer",
            ],
          },
          { actions: "answerJoin" },
        ],
        // The leader may have been told of the old id: its assignment would miss the new one.
        replace: {
          target: "PreparingRebalance",
          actions: [
            "countJoined",
            ...syncPhaseFails,
            "holdJoin",
            "startJoinTimer",
          ],
        },
        sync: [
          {
            guard: "leads",
            target: "Stable",
            actions: ["countSynced", "holdSync", "persistAssignment", "answerSyncs"],
          },
          { actions: ["countSynced", "holdSync"] },
        ],
        delete: { actions: "refuseNonEmpty" },
        remove: {
          target: "PreparingRebalance",
          actions: [
            "countRemoved",
            ...syncPhaseFails,
            "startJoinTimer",
          ],
        },
        syncTimeout: {
          guard: "somebodyIsUnsynced",
          target: "PreparingRebalance",
          actions: [
            "countRemoved",
            ...syncPhaseFails,
            "startJoinTimer",
          ],
        },
        rebalance: {
          target: "PreparingRebalance",
          actions: [...syncPhaseFails, "startJoinTimer"],
        },
      },
    },
    /**
     * The members have their assignments, or can ask for them.
     *
     * - join of a new member, of the leader, of one that offers something else: PreparingRebalance
     * - join of a static member under a new id: the same, unless the protocol stays what it is
     * - a member leaves or is silent, or has not synced in time: PreparingRebalance
     */
    Stable: {
      on: {
        add: {
          target: "PreparingRebalance",
          actions: ["countAdded", ...syncPhaseIsOver, "holdJoin", "startJoinTimer"],
        },
        rejoin: [
          {
            guard: "leadsOrHasChanged",
            target: "PreparingRebalance",
            actions: [
              "countJoined",
              ...syncPhaseIsOver,
              "holdJoin",
              "startJoinTimer",
            ],
          },
          { actions: "answerJoin" },
        ],
        replace: [
          { guard: "keepsProtocol", actions: "persistReplacement" },
          {
            target: "PreparingRebalance",
            actions: [
              "countJoined",
              ...syncPhaseIsOver,
              "holdJoin",
              "startJoinTimer",
            ],
          },
        ],
        sync: { actions: ["countSynced", "answerSync"] },
        delete: { actions: "refuseNonEmpty" },
        remove: {
          target: "PreparingRebalance",
          actions: ["countRemoved", ...syncPhaseIsOver, "startJoinTimer"],
        },
        syncTimeout: {
          guard: "somebodyIsUnsynced",
          target: "PreparingRebalance",
          actions: ["countRemoved", ...syncPhaseIsOver, "startJoinTimer"],
        },
        rebalance: {
          target: "PreparingRebalance",
          actions: [...syncPhaseIsOver, "startJoinTimer"],
        },
      },
    },
    /** Deleted. Nothing happens any more. */
    Dead: { type: "final" },
  },
});

const initialContext: RebalanceContext = {
  generation: 0,
  members: 0,
  joined: 0,
  invited: 0,
  unsynced: 0,
  gathering: false,
  newcomers: false,
};

/** A state of the machine, with its context. */
export type RebalanceState = SnapshotFrom<typeof groupMachine>;
/** A state's name, as Kafka tells it. */
export type GroupStateName =
  | "Empty"
  | "PreparingRebalance"
  | "CompletingRebalance"
  | "Stable"
  | "Dead";

/** The state of a group of which only this is known: at its beginning, or from its records. */
export function resumedState(
  known: { readonly generation: number; readonly members: number },
): RebalanceState {
  return groupMachine.resolveState({
    value: known.members === 0 ? "Empty" : "Stable",
    context: { ...initialContext, ...known },
  });
}

/** What follows from an event: the next state, and the actions to carry out, in this order. */
export function nextState(
  state: RebalanceState,
  event: RebalanceEvent,
): readonly [RebalanceState, readonly RebalanceAction[]] {
  const [next, actions] = transition(groupMachine, state, event);
  return [next, actions.map(({ type }) => type as RebalanceAction)];
}
