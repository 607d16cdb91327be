import { assert, assertEquals, assertGreater } from "@std/assert";
import { getShortestPaths } from "xstate/graph";
import {
  LAST_EPOCH,
  nextState,
  resumedState,
  type TransactionAction,
  type TransactionContext,
  type TransactionEvent,
  transactionMachine,
  type TransactionState,
  type TransactionStateName,
} from "../../../actors/transaction/transaction_machine.ts";

const STATES: readonly TransactionStateName[] = [
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
];
const usual: TransactionContext = { epoch: 7, lastEpoch: 6, rotating: false };
const usedUp: TransactionContext = { epoch: LAST_EPOCH, lastEpoch: -1, rotating: false };

const init: TransactionEvent = { type: "init", known: false, retry: false };
const initKnown: TransactionEvent = { type: "init", known: true, retry: false };
const initAgain: TransactionEvent = { type: "init", known: true, retry: true };
const add: TransactionEvent = { type: "add", news: true };
const addKnown: TransactionEvent = { type: "add", news: false };
const end = (commit: boolean, how: "old" | "new" | "retry"): TransactionEvent => ({
  type: "end",
  commit,
  bumps: how !== "old",
  retry: how === "retry",
});
const timeout: TransactionEvent = { type: "timeout" };
const markersWritten: TransactionEvent = { type: "markersWritten" };
const expire: TransactionEvent = { type: "expire" };

interface Row {
  readonly from: TransactionStateName;
  readonly context?: TransactionContext;
  readonly event: TransactionEvent;
  readonly to: TransactionStateName;
  readonly actions: readonly TransactionAction[];
  readonly after?: Partial<TransactionContext>;
}

const begins: readonly TransactionAction[] = ["setTimeout", "persist", "answer"];
const adds: readonly TransactionAction[] = ["startClock", "addPartitions", "persist", "answer"];
const ends: readonly TransactionAction[] = [
  "reserveProducerId",
  "noteBump",
  "persist",
  "answer",
  "writeMarkers",
];
const abortsNothing: readonly TransactionAction[] = ["startClock", ...ends];
const fences: readonly TransactionAction[] = ["noteBump", "persist", "writeMarkers"];
const completes: readonly TransactionAction[] = [
  "takeReservedProducerId",
  "clearPartitions",
  "persist",
];
const refused = (
  from: TransactionStateName,
  event: TransactionEvent,
  action: TransactionAction,
): Row => ({ from, event, to: from, actions: [action] });
const nothing = (from: TransactionStateName, event: TransactionEvent): Row => ({
  from,
  event,
  to: from,
  actions: [],
});

/** What holds whenever no transaction is open: before the first, and after each. */
function idle(from: TransactionStateName): Row[] {
  return [
    { from, event: init, to: "Empty", actions: begins, after: { epoch: 8, lastEpoch: -1 } },
    { from, event: initKnown, to: "Empty", actions: begins, after: { epoch: 8, lastEpoch: 7 } },
    { from, event: initAgain, to: "Empty", actions: begins },
    {
      from,
      context: usedUp,
      event: initKnown,
      to: "Empty",
      actions: ["takeNewProducerId", ...begins],
      after: { epoch: 0, lastEpoch: LAST_EPOCH },
    },
    { from, event: add, to: "Ongoing", actions: adds },
    {
      from,
      event: end(false, "new"),
      to: "PrepareAbort",
      actions: abortsNothing,
      after: { epoch: 8, lastEpoch: 7 },
    },
    refused(from, end(true, "new"), "refuseState"),
    nothing(from, timeout),
    nothing(from, markersWritten),
    { from, event: expire, to: "Dead", actions: ["persistTombstone"] },
  ];
}

/** What holds while the partitions are being told. */
function ending(from: "PrepareCommit" | "PrepareAbort", to: TransactionStateName): Row[] {
  const committed = from === "PrepareCommit";
  return [
    refused(from, init, "refuseConcurrent"),
    refused(from, add, "refuseConcurrent"),
    refused(from, end(committed, "old"), "refuseConcurrent"),
    refused(from, end(committed, "retry"), "refuseConcurrent"),
    refused(from, end(!committed, "old"), "refuseState"),
    refused(from, end(!committed, "retry"), "refuseState"),
    refused(from, end(false, "new"), "refuseConcurrent"),
    nothing(from, timeout),
    { from, event: markersWritten, to, actions: completes, after: { epoch: 7, lastEpoch: 6 } },
    {
      from,
      context: { epoch: LAST_EPOCH + 1, lastEpoch: LAST_EPOCH, rotating: true },
      event: markersWritten,
      to,
      actions: completes,
      after: { epoch: 0, lastEpoch: LAST_EPOCH, rotating: false },
    },
    nothing(from, expire),
  ];
}

const TABLE: readonly Row[] = [
  ...idle("Empty"),
  refused("Empty", end(true, "old"), "refuseState"),
  refused("Empty", end(false, "old"), "refuseState"),
  refused("Empty", end(false, "retry"), "refuseFenced"),
  ...idle("CompleteCommit"),
  { from: "CompleteCommit", event: end(true, "old"), to: "CompleteCommit", actions: ["answer"] },
  { from: "CompleteCommit", event: end(true, "retry"), to: "CompleteCommit", actions: ["answer"] },
  refused("CompleteCommit", end(false, "old"), "refuseState"),
  refused("CompleteCommit", end(false, "retry"), "refuseState"),
  ...idle("CompleteAbort"),
  { from: "CompleteAbort", event: end(false, "old"), to: "CompleteAbort", actions: ["answer"] },
  { from: "CompleteAbort", event: end(false, "retry"), to: "CompleteAbort", actions: ["answer"] },
  refused("CompleteAbort", end(true, "old"), "refuseState"),
  refused("CompleteAbort", end(true, "retry"), "refuseState"),
  ...ending("PrepareCommit", "CompleteCommit"),
  ...ending("PrepareAbort", "CompleteAbort"),
  {
    from: "Ongoing",
    event: init,
    to: "PrepareAbort",
    actions: ["refuseConcurrent", ...fences],
    after: { epoch: 8, lastEpoch: 7 },
  },
  refused("Ongoing", initAgain, "refuseFenced"),
  { from: "Ongoing", event: add, to: "Ongoing", actions: ["addPartitions", "persist", "answer"] },
  { from: "Ongoing", event: addKnown, to: "Ongoing", actions: ["answer"] },
  { from: "Ongoing", event: end(true, "old"), to: "PrepareCommit", actions: ends },
  { from: "Ongoing", event: end(false, "old"), to: "PrepareAbort", actions: ends },
  {
    from: "Ongoing",
    event: end(true, "new"),
    to: "PrepareCommit",
    actions: ends,
    after: { epoch: 8, lastEpoch: 7 },
  },
  {
    from: "Ongoing",
    context: usedUp,
    event: end(false, "new"),
    to: "PrepareAbort",
    actions: ends,
    after: { epoch: LAST_EPOCH + 1, lastEpoch: LAST_EPOCH, rotating: true },
  },
  refused("Ongoing", end(true, "retry"), "refuseFenced"),
  {
    from: "Ongoing",
    event: timeout,
    to: "PrepareAbort",
    actions: fences,
    after: { epoch: 8, lastEpoch: 7 },
  },
  {
    from: "Ongoing",
    context: usedUp,
    event: timeout,
    to: "PrepareAbort",
    actions: fences,
    after: { epoch: LAST_EPOCH + 1, lastEpoch: -1 },
  },
  nothing("Ongoing", markersWritten),
  nothing("Ongoing", expire),
];

for (const { from, context = usual, event, to, actions, after } of TABLE) {
  const how = `${JSON.stringify(event)}${context === usual ? "" : ` at epoch ${context.epoch}`}`;
  Deno.test(`Transaction machine goes from ${from} to ${to} by ${event.type} (${how})`, () => {
    const [next, taken] = nextState(resumedState(from, context), event);
    assertEquals(next.value, to);
    assertEquals([...taken].sort(), [...actions].sort());
    assertEquals(next.context, { ...context, ...after });
    const persisted = taken.indexOf("persist");
    const marked = taken.indexOf("writeMarkers");
    assert(marked < 0 || persisted >= 0 && persisted < marked, "no marker before the decision");
  });
}

Deno.test("Transaction machine's table has every state and event", () => {
  const covered = new Set(TABLE.map(({ from, event }) => `${from} ${event.type}`));
  for (const state of STATES) {
    for (const { type } of [init, add, end(true, "new"), timeout, markersWritten, expire]) {
      assert(covered.has(`${state} ${type}`), `${state} ${type}`);
    }
  }
});

Deno.test("Transaction machine never gives an epoch again, nor stays in PrepareEpochFence, on any path", () => {
  const paths = getShortestPaths(transactionMachine, {
    events: possibleEvents,
    stopWhen: ({ context }) => context.epoch >= 3,
    serializeState: ({ value, context }) => JSON.stringify([value, context]),
    limit: 50_000,
  });
  const reached = new Set<string>();
  for (const { steps } of paths) {
    let epoch = -1;
    for (const { state: { value, context } } of steps) {
      reached.add(value);
      assert(context.epoch >= epoch, "no epoch goes down while there are some left");
      assert(context.lastEpoch < context.epoch || context.lastEpoch === -1);
      epoch = context.epoch;
    }
  }
  assertEquals([...reached].sort(), [...STATES, "Dead"].sort());
  assertGreater(paths.length, 40);
});

function possibleEvents({ value }: TransactionState): TransactionEvent[] {
  if (value === "Dead") return [];
  return [
    init,
    initKnown,
    initAgain,
    add,
    addKnown,
    ...[true, false].flatMap((commit) =>
      (["old", "new", "retry"] as const).map((how) => end(commit, how))
    ),
    timeout,
    markersWritten,
    expire,
  ];
}
