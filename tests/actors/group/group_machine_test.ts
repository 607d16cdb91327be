import { assert, assertEquals, assertGreater } from "@std/assert";
import { getShortestPaths } from "xstate/graph";
import {
  groupMachine,
  type GroupStateName,
  nextState,
  type RebalanceAction,
  type RebalanceContext,
  type RebalanceEvent,
  type RebalanceState,
  resumedState,
} from "../../../actors/group/group_machine.ts";

const counts: RebalanceContext = {
  generation: 7,
  members: 3,
  joined: 1,
  invited: 0,
  unsynced: 2,
  gathering: false,
  newcomers: false,
};

function at(value: GroupStateName, context: Partial<RebalanceContext> = {}): RebalanceState {
  const empty = value === "Empty" ? { members: 0, joined: 0, unsynced: 0 } : {};
  const joined = value === "PreparingRebalance" ? {} : { joined: 0 };
  return groupMachine.resolveState({
    value,
    context: { ...counts, ...empty, ...joined, ...context },
  });
}

interface Row {
  readonly from: GroupStateName;
  readonly context?: Partial<RebalanceContext>;
  readonly event: RebalanceEvent;
  readonly to: GroupStateName;
  readonly actions: readonly RebalanceAction[];
  readonly counts?: Partial<RebalanceContext>;
}

const add: RebalanceEvent = { type: "add", invited: false };
const rejoin: RebalanceEvent = { type: "rejoin", waiting: false, leads: false, changed: false };
const leaderRejoins: RebalanceEvent = { ...rejoin, leads: true };
const changedRejoin: RebalanceEvent = { ...rejoin, changed: true };
const replace: RebalanceEvent = { type: "replace", waiting: false, keepsProtocol: true };
const replaceAnew: RebalanceEvent = { ...replace, keepsProtocol: false };
const sync: RebalanceEvent = { type: "sync", leads: false, first: true };
const leaderSyncs: RebalanceEvent = { ...sync, leads: true };
const remove: RebalanceEvent = { type: "remove", members: 1, waiting: 0 };
const gathered: RebalanceEvent = { type: "gathered", mayExtend: true, staying: 1 };
const joinTimeout: RebalanceEvent = { type: "joinTimeout", staying: 2 };
const syncTimeout: RebalanceEvent = { type: "syncTimeout", members: 2 };

const joinPhaseEnds: readonly RebalanceAction[] = [
  "cancelJoinTimer",
  "electLeader",
  "chooseProtocol",
  "answerJoins",
  "startSyncTimer",
];
const groupEmpties: readonly RebalanceAction[] = ["cancelJoinTimer", "persistEmptyGroup"];
const syncPhaseFails: readonly RebalanceAction[] = ["failSyncs", "cancelSyncTimer"];
const one = { members: 1, joined: 1 };

/** Every state × event, and every guard of each. */
const TABLE: readonly Row[] = [
  { from: "Empty", event: { type: "invite" }, to: "Empty", actions: [], counts: { invited: 1 } },
  {
    from: "Empty",
    context: { invited: 1 },
    event: { type: "uninvite" },
    to: "Empty",
    actions: [],
    counts: { invited: 0 },
  },
  {
    from: "Empty",
    event: add,
    to: "PreparingRebalance",
    actions: ["holdJoin", "startGathering"],
    counts: { ...one, gathering: true, newcomers: false },
  },
  {
    from: "Empty",
    context: { invited: 1 },
    event: { type: "add", invited: true },
    to: "PreparingRebalance",
    actions: ["holdJoin", "startGathering"],
    counts: { ...one, invited: 0 },
  },
  { from: "Empty", event: rejoin, to: "Empty", actions: ["refuseStranger"] },
  { from: "Empty", event: replace, to: "Empty", actions: ["refuseStranger"] },
  { from: "Empty", event: sync, to: "Empty", actions: ["refuseStranger"] },
  { from: "Empty", event: remove, to: "Empty", actions: [], counts: { members: 0 } },
  { from: "Empty", event: gathered, to: "Empty", actions: [] },
  { from: "Empty", event: joinTimeout, to: "Empty", actions: [] },
  { from: "Empty", event: syncTimeout, to: "Empty", actions: [] },
  { from: "Empty", event: { type: "rebalance" }, to: "Empty", actions: [] },
  { from: "Empty", event: { type: "delete" }, to: "Dead", actions: ["persistTombstones"] },

  {
    from: "PreparingRebalance",
    event: { type: "invite" },
    to: "PreparingRebalance",
    actions: [],
    counts: { invited: 1 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 3, invited: 1 },
    event: { type: "uninvite" },
    to: "CompletingRebalance",
    actions: joinPhaseEnds,
    counts: { generation: 8, joined: 0, unsynced: 3 },
  },
  {
    from: "PreparingRebalance",
    event: add,
    to: "PreparingRebalance",
    actions: ["holdJoin"],
    counts: { members: 4, joined: 2 },
  },
  {
    from: "PreparingRebalance",
    context: { ...one, gathering: true },
    event: add,
    to: "PreparingRebalance",
    actions: ["holdJoin"],
    counts: { members: 2, joined: 2, newcomers: true },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 3, invited: 1 },
    event: { type: "add", invited: true },
    to: "CompletingRebalance",
    actions: ["holdJoin", ...joinPhaseEnds],
    counts: { generation: 8, members: 4, unsynced: 4 },
  },
  {
    from: "PreparingRebalance",
    event: rejoin,
    to: "PreparingRebalance",
    actions: ["holdJoin"],
    counts: { joined: 2 },
  },
  {
    from: "PreparingRebalance",
    event: { ...rejoin, waiting: true },
    to: "PreparingRebalance",
    actions: ["holdJoin"],
    counts: { joined: 1 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 2 },
    event: rejoin,
    to: "CompletingRebalance",
    actions: ["holdJoin", ...joinPhaseEnds],
    counts: { generation: 8 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 2, invited: 1 },
    event: rejoin,
    to: "PreparingRebalance",
    actions: ["holdJoin"],
  },
  {
    from: "PreparingRebalance",
    context: { joined: 2 },
    event: replace,
    to: "CompletingRebalance",
    actions: ["holdJoin", ...joinPhaseEnds],
  },
  {
    from: "PreparingRebalance",
    event: { ...replaceAnew, waiting: true },
    to: "PreparingRebalance",
    actions: ["holdJoin"],
    counts: { joined: 1 },
  },
  {
    from: "PreparingRebalance",
    event: remove,
    to: "PreparingRebalance",
    actions: [],
    counts: { members: 2, joined: 1 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 2 },
    event: remove,
    to: "CompletingRebalance",
    actions: joinPhaseEnds,
    counts: { members: 2, generation: 8 },
  },
  {
    from: "PreparingRebalance",
    event: { type: "remove", members: 3, waiting: 1 },
    to: "Empty",
    actions: groupEmpties,
    counts: { members: 0, generation: 8 },
  },
  {
    from: "PreparingRebalance",
    context: { ...one, gathering: true },
    event: { type: "remove", members: 1, waiting: 1 },
    to: "PreparingRebalance",
    actions: [],
    counts: { members: 0 },
  },
  {
    from: "PreparingRebalance",
    event: sync,
    to: "PreparingRebalance",
    actions: ["refuseRebalancing"],
  },
  {
    from: "PreparingRebalance",
    context: { ...one, gathering: true, newcomers: true },
    event: gathered,
    to: "PreparingRebalance",
    actions: ["startGathering"],
    counts: { newcomers: false },
  },
  {
    from: "PreparingRebalance",
    context: { ...one, gathering: true, newcomers: true },
    event: { ...gathered, mayExtend: false },
    to: "CompletingRebalance",
    actions: ["cancelJoinTimer", "removeUnjoined", ...joinPhaseEnds.slice(1)],
    counts: { generation: 8, gathering: false },
  },
  {
    from: "PreparingRebalance",
    context: { ...one, gathering: true },
    event: gathered,
    to: "CompletingRebalance",
    actions: ["cancelJoinTimer", "removeUnjoined", ...joinPhaseEnds.slice(1)],
  },
  {
    from: "PreparingRebalance",
    context: { members: 0, joined: 0, gathering: true },
    event: { ...gathered, staying: 0 },
    to: "Empty",
    actions: ["cancelJoinTimer", "removeUnjoined", "persistEmptyGroup"],
    counts: { generation: 8, gathering: false },
  },
  {
    from: "PreparingRebalance",
    event: joinTimeout,
    to: "CompletingRebalance",
    actions: ["cancelJoinTimer", "removeUnjoined", ...joinPhaseEnds.slice(1)],
    counts: { members: 2, unsynced: 2, generation: 8 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 0 },
    event: joinTimeout,
    to: "PreparingRebalance",
    actions: ["removeUnjoined", "startJoinTimer"],
    counts: { members: 2, generation: 7 },
  },
  {
    from: "PreparingRebalance",
    context: { joined: 0 },
    event: { ...joinTimeout, staying: 0 },
    to: "Empty",
    actions: ["cancelJoinTimer", "removeUnjoined", "persistEmptyGroup"],
    counts: { members: 0, generation: 8 },
  },
  { from: "PreparingRebalance", event: syncTimeout, to: "PreparingRebalance", actions: [] },
  {
    from: "PreparingRebalance",
    event: { type: "rebalance" },
    to: "PreparingRebalance",
    actions: [],
  },
  {
    from: "PreparingRebalance",
    event: { type: "delete" },
    to: "PreparingRebalance",
    actions: ["refuseNonEmpty"],
  },

  {
    from: "CompletingRebalance",
    event: { type: "invite" },
    to: "CompletingRebalance",
    actions: [],
    counts: { invited: 1 },
  },
  {
    from: "CompletingRebalance",
    context: { invited: 1 },
    event: { type: "uninvite" },
    to: "CompletingRebalance",
    actions: [],
    counts: { invited: 0 },
  },
  {
    from: "CompletingRebalance",
    event: add,
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "holdJoin", "startJoinTimer"],
    counts: { members: 4, joined: 1, unsynced: 0 },
  },
  {
    from: "CompletingRebalance",
    event: rejoin,
    to: "CompletingRebalance",
    actions: ["answerJoin"],
    counts: { joined: 0 },
  },
  {
    from: "CompletingRebalance",
    event: leaderRejoins,
    to: "CompletingRebalance",
    actions: ["answerJoin"],
  },
  {
    from: "CompletingRebalance",
    event: changedRejoin,
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "holdJoin", "startJoinTimer"],
    counts: { joined: 1 },
  },
  {
    from: "CompletingRebalance",
    event: replace,
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "holdJoin", "startJoinTimer"],
    counts: { joined: 1 },
  },
  {
    from: "CompletingRebalance",
    event: sync,
    to: "CompletingRebalance",
    actions: ["holdSync"],
    counts: { unsynced: 1 },
  },
  {
    from: "CompletingRebalance",
    event: { ...sync, first: false },
    to: "CompletingRebalance",
    actions: ["holdSync"],
    counts: { unsynced: 2 },
  },
  {
    from: "CompletingRebalance",
    event: leaderSyncs,
    to: "Stable",
    actions: ["holdSync", "persistAssignment", "answerSyncs"],
    counts: { unsynced: 1 },
  },
  {
    from: "CompletingRebalance",
    event: remove,
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "startJoinTimer"],
    counts: { members: 2, joined: 0 },
  },
  {
    from: "CompletingRebalance",
    event: { ...remove, members: 3 },
    to: "Empty",
    actions: [...syncPhaseFails, "startJoinTimer", ...groupEmpties],
    counts: { members: 0, generation: 8 },
  },
  { from: "CompletingRebalance", event: gathered, to: "CompletingRebalance", actions: [] },
  { from: "CompletingRebalance", event: joinTimeout, to: "CompletingRebalance", actions: [] },
  {
    from: "CompletingRebalance",
    event: syncTimeout,
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "startJoinTimer"],
    counts: { members: 1, unsynced: 0 },
  },
  {
    from: "CompletingRebalance",
    event: { type: "rebalance" },
    to: "PreparingRebalance",
    actions: [...syncPhaseFails, "startJoinTimer"],
    counts: { members: 3, joined: 0 },
  },
  {
    from: "CompletingRebalance",
    event: { type: "delete" },
    to: "CompletingRebalance",
    actions: ["refuseNonEmpty"],
  },

  { from: "Stable", event: { type: "invite" }, to: "Stable", actions: [], counts: { invited: 1 } },
  {
    from: "Stable",
    context: { invited: 1 },
    event: { type: "uninvite" },
    to: "Stable",
    actions: [],
    counts: { invited: 0 },
  },
  {
    from: "Stable",
    event: add,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "holdJoin", "startJoinTimer"],
    counts: { members: 4, joined: 1 },
  },
  { from: "Stable", event: rejoin, to: "Stable", actions: ["answerJoin"] },
  {
    from: "Stable",
    event: leaderRejoins,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "holdJoin", "startJoinTimer"],
    counts: { joined: 1 },
  },
  {
    from: "Stable",
    event: changedRejoin,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "holdJoin", "startJoinTimer"],
    counts: { joined: 1 },
  },
  {
    from: "Stable",
    context: { members: 1 },
    event: leaderRejoins,
    to: "CompletingRebalance",
    actions: ["cancelSyncTimer", "holdJoin", "startJoinTimer", ...joinPhaseEnds],
    counts: { generation: 8, unsynced: 1 },
  },
  {
    from: "Stable",
    event: replace,
    to: "Stable",
    actions: ["persistReplacement"],
    counts: { joined: 0 },
  },
  {
    from: "Stable",
    event: replaceAnew,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "holdJoin", "startJoinTimer"],
    counts: { joined: 1 },
  },
  { from: "Stable", event: sync, to: "Stable", actions: ["answerSync"], counts: { unsynced: 1 } },
  {
    from: "Stable",
    event: leaderSyncs,
    to: "Stable",
    actions: ["answerSync"],
    counts: { unsynced: 1 },
  },
  {
    from: "Stable",
    event: remove,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "startJoinTimer"],
    counts: { members: 2 },
  },
  { from: "Stable", event: gathered, to: "Stable", actions: [] },
  { from: "Stable", event: joinTimeout, to: "Stable", actions: [] },
  {
    from: "Stable",
    event: syncTimeout,
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "startJoinTimer"],
    counts: { members: 1 },
  },
  {
    from: "Stable",
    context: { unsynced: 0 },
    event: syncTimeout,
    to: "Stable",
    actions: [],
    counts: { members: 3 },
  },
  {
    from: "Stable",
    event: { type: "rebalance" },
    to: "PreparingRebalance",
    actions: ["cancelSyncTimer", "startJoinTimer"],
  },
  { from: "Stable", event: { type: "delete" }, to: "Stable", actions: ["refuseNonEmpty"] },
];

const STATES: readonly GroupStateName[] = [
  "Empty",
  "PreparingRebalance",
  "CompletingRebalance",
  "Stable",
  "Dead",
];
const EVENTS: readonly RebalanceEvent[] = [
  { type: "invite" },
  { type: "uninvite" },
  add,
  rejoin,
  replace,
  sync,
  remove,
  gathered,
  joinTimeout,
  syncTimeout,
  { type: "rebalance" },
  { type: "delete" },
];

for (const { from, context, event, to, actions, counts } of TABLE) {
  const detail = JSON.stringify({ ...context, ...event });
  Deno.test(`Group machine goes from ${from} to ${to} by ${event.type} (${detail})`, () => {
    const [next, done] = nextState(at(from, context), event);
    assertEquals(next.value, to);
    assertEquals(done, actions);
    for (const [name, value] of Object.entries(counts ?? {})) {
      assertEquals(next.context[name as keyof RebalanceContext], value, name);
    }
  });
}

Deno.test("Group machine does nothing in Dead", () => {
  const [dead] = nextState(at("Empty"), { type: "delete" });
  for (const event of EVENTS) {
    const [next, actions] = nextState(dead, event);
    assertEquals(next.value, "Dead");
    assertEquals(actions, []);
  }
});

Deno.test("Group machine's table has every state and event", () => {
  const covered = new Set(TABLE.map(({ from, event }) => `${from} ${event.type}`));
  for (const state of STATES.slice(0, -1)) {
    for (const { type } of EVENTS) assert(covered.has(`${state} ${type}`), `${state} ${type}`);
  }
});

Deno.test("Group machine resumes Empty without members, Stable with them", () => {
  assertEquals(resumedState({ generation: 4, members: 0 }).value, "Empty");
  const resumed = resumedState({ generation: 4, members: 2 });
  assertEquals(resumed.value, "Stable");
  assertEquals(resumed.context.generation, 4);
  assertEquals(resumed.context.unsynced, 0);
});

Deno.test("Group machine's counts make sense on all paths, and its generation never goes down", () => {
  const paths = getShortestPaths(groupMachine, {
    input: { generation: 0, members: 0 },
    events: possibleEvents,
    stopWhen: ({ context }) => context.generation >= 3,
    serializeState: ({ value, context }) => JSON.stringify([value, context]),
    limit: 50_000,
  });
  const reached = new Set<string>();
  for (const { steps } of paths) {
    let generation = 0;
    for (const { state: { value, context } } of steps) {
      const what = JSON.stringify([value, context]);
      reached.add(value);
      assert(context.joined >= 0 && context.joined <= context.members, what);
      assert(context.unsynced >= 0 && context.unsynced <= context.members, what);
      assert(context.invited >= 0, what);
      assert(context.generation >= generation, what);
      if (value === "Empty" || value === "Dead") assertEquals(context.members, 0, what);
      if (value === "CompletingRebalance" || value === "Stable") assert(context.members > 0, what);
      generation = context.generation;
    }
  }
  assertEquals([...reached].sort(), [...STATES].sort());
  assertGreater(paths.length, 100);
});

/** What the coordinator can send in a state, with at most three members: it knows who they are. */
function possibleEvents({ value, context }: RebalanceState): RebalanceEvent[] {
  const { members, joined, invited, unsynced, gathering } = context;
  if (value === "Dead") return [];
  const events: RebalanceEvent[] = [{ type: "delete" }];
  if (invited < 1) events.push({ type: "invite" });
  if (invited > 0) events.push({ type: "uninvite" });
  if (members < 3) events.push(add);
  if (members < 3 && invited > 0) events.push({ type: "add", invited: true });
  if (members === 0) {
    if (gathering) events.push({ type: "gathered", mayExtend: true, staying: 0 });
    return events;
  }
  if (joined > 0) events.push({ type: "remove", members: 1, waiting: 1 });
  if (joined < members) {
    events.push(remove, rejoin, leaderRejoins, changedRejoin, replace, replaceAnew);
  }
  if (gathering) events.push({ type: "gathered", mayExtend: true, staying: joined });
  else if (value === "PreparingRebalance") {
    for (let staying = joined; staying < members; staying++) {
      events.push({ type: "joinTimeout", staying });
    }
  }
  if (value === "CompletingRebalance") events.push(leaderSyncs);
  // The leader is among the unsynced until the group is stable.
  if (unsynced > Number(value === "CompletingRebalance")) events.push(sync);
  if (unsynced > 0) events.push({ type: "syncTimeout", members: unsynced });
  events.push({ type: "rebalance" });
  return events;
}
