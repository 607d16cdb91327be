/**
 * The life of a transactional id, as a state machine.
 *
 * The machine decides and does nothing: {@linkcode nextState} gives the next state and the names of the actions that
 * belong to the step, in order. The coordinator carries them out (`steps.ts`). Who speaks is found out before
 * (`identity.ts`): an event comes from the producer that the id belongs to, or from the coordinator itself. State names
 * are Kafka's, because DescribeTransactions tells them.
 *
 * Kafka: `TransactionMetadata`, `TransactionCoordinator`; KIP-98, KIP-360, KIP-890.
 *
 * @module
 */
import { assign, setup, type SnapshotFrom, transition } from "../core/state_machine.ts";

/** What the machine counts. Plain JSON. */
export interface TransactionContext {
  /** The producer's epoch. */
  readonly epoch: number;
  /** The epoch that the producer had before it was given the current one: it may ask again with it. -1 = none. */
  readonly lastEpoch: number;
  /** The epochs of the producer id are used up: the producer goes on with the next id, at epoch 0. */
  readonly rotating: boolean;
}

/** What can happen to a transactional id. */
export type TransactionEvent =
  /** A producer begins with the id, or begins again. */
  | {
    readonly type: "init";
    /** It has shown that it is the one that the id belongs to (KIP-360). */
    readonly known: boolean;
    /** It has been answered this before. */
    readonly retry: boolean;
  }
  /** Partitions become part of the transaction. */
  | {
    readonly type: "add";
    /** Some of them are not part of it yet. */
    readonly news: boolean;
  }
  /** The producer ends its transaction. */
  | {
    readonly type: "end";
    readonly commit: boolean;
    /** Each end gives the producer its next epoch (KIP-890); without it, ending twice is the same as ending once. */
    readonly bumps: boolean;
    /** It has ended it before, and been given its next epoch. */
    readonly retry: boolean;
  }
  /** The transaction has been open for longer than the producer allowed, or an operator has enough of it. */
  | { readonly type: "timeout" }
  /** Every partition has got its marker. */
  | { readonly type: "markersWritten" }
  /** Nobody has used the id for long. */
  | { readonly type: "expire" };

/** An action's name: what the coordinator has to carry out. */
export type TransactionAction =
  | "takeNewProducerId"
  | "reserveProducerId"
  | "takeReservedProducerId"
  | "setTimeout"
  | "startClock"
  | "addPartitions"
  | "clearPartitions"
  | "noteBump"
  | "persist"
  | "persistTombstone"
  | "writeMarkers"
  | "answer"
  | "refuseConcurrent"
  | "refuseFenced"
  | "refuseState";

/** The last epoch that a producer is given. The one above it is the coordinator's own. (Kafka: `isEpochExhausted`.) */
export const LAST_EPOCH = 32_766;

/** For an action that is carried out elsewhere. */
function named(): void {}

const transactions = setup({
  types: {
    context: {} as TransactionContext,
    events: {} as TransactionEvent,
  },
  guards: {
    isRetry: ({ event }) => "retry" in event && event.retry,
    isExhausted: ({ context }) => context.epoch >= LAST_EPOCH,
    addsNothing: ({ event }) => event.type === "add" && !event.news,
    commits: ({ event }) => event.type === "end" && event.commit,
    // Without bumps an end says by its epoch alone which transaction it means.
    commitsTheSame: ({ event }) =>
      event.type === "end" && event.commit && (event.retry || !event.bumps),
    abortsTheSame: ({ event }) =>
      event.type === "end" && !event.commit && (event.retry || !event.bumps),
    abortsNothing: ({ event }) =>
      event.type === "end" && !event.commit && event.bumps && !event.retry,
  },
  actions: {
    bumpForInit: assign(({ context, event }) => ({
      epoch: context.epoch + 1,
      lastEpoch: event.type === "init" && event.known ? context.epoch : -1,
    })),
    restartEpochs: assign(({ context, event }) => ({
      epoch: 0,
      lastEpoch: event.type === "init" && event.known ? context.epoch : -1,
    })),
    bumpForEnd: assign(({ context, event }) =>
      event.type === "end" && event.bumps
        ? {
          epoch: context.epoch + 1,
          lastEpoch: context.epoch,
          rotating: context.epoch >= LAST_EPOCH,
        }
        : {}
    ),
    // The producer may come back: who it was is told from who it is now (KIP-588). Nobody gets the very last epoch.
    bumpForFence: assign(({ context }) => ({
      epoch: context.epoch + 1,
      lastEpoch: context.epoch < LAST_EPOCH ? context.epoch : -1,
    })),
    rotate: assign(({ context }) => context.rotating ? { epoch: 0, rotating: false } : {}),
    takeNewProducerId: named,
    reserveProducerId: named,
    takeReservedProducerId: named,
    setTimeout: named,
    startClock: named,
    addPartitions: named,
    clearPartitions: named,
    noteBump: named,
    persist: named,
    persistTombstone: named,
    writeMarkers: named,
    answer: named,
    refuseConcurrent: named,
    refuseFenced: named,
    refuseState: named,
  },
});

const beginAgain = [
  // It has been given its next epoch already.
  { guard: "isRetry", target: "Empty", actions: ["setTimeout", "persist", "answer"] },
  {
    guard: "isExhausted",
    target: "Empty",
    actions: ["restartEpochs", "takeNewProducerId", "setTimeout", "persist", "answer"],
  },
  { target: "Empty", actions: ["bumpForInit", "setTimeout", "persist", "answer"] },
] as const;
const firstPartitions = {
  target: "Ongoing",
  actions: ["startClock", "addPartitions", "persist", "answer"],
} as const;
const abortNothing = {
  guard: "abortsNothing",
  target: "PrepareAbort",
  actions: ["bumpForEnd", "startClock", "reserveProducerId", "noteBump", "persist", "answer"],
} as const;
const end = ["bumpForEnd", "reserveProducerId", "noteBump", "persist", "answer"] as const;
const complete = ["rotate", "takeReservedProducerId", "clearPartitions", "persist"] as const;
const expires = { target: "Dead", actions: "persistTombstone" } as const;

/** The life of a transactional id. */
export const transactionMachine = transactions.createMachine({
  id: "transaction",
  initial: "Empty",
  context: { epoch: -1, lastEpoch: -1, rotating: false },
  states: {
    /**
     * The producer has its id and epoch, and has written nothing with them.
     *
     * - partitions are added: Ongoing
     * - abort, with KIP-890: PrepareAbort, for the next epoch; without it, and commit: INVALID_TXN_STATE
     * - the producer begins again: Empty, in the next epoch
     * - nobody comes for long: Dead
     */
    Empty: {
      on: {
        init: beginAgain,
        add: firstPartitions,
        end: [{ guard: "isRetry", actions: "refuseFenced" }, abortNothing, {
          actions: "refuseState",
        }],
        expire: expires,
      },
    },
    /**
     * Partitions take part. They may be written to, and nobody reads that under `read_committed`.
     *
     * - commit: PrepareCommit; abort: PrepareAbort
     * - the producer begins again (CONCURRENT_TRANSACTIONS until that is done), or takes too long: PrepareEpochFence
     */
    Ongoing: {
      on: {
        init: [
          { guard: "isRetry", actions: "refuseFenced" },
          { target: "PrepareEpochFence", actions: "refuseConcurrent" },
        ],
        add: [
          { guard: "addsNothing", actions: "answer" },
          { actions: ["addPartitions", "persist", "answer"] },
        ],
        end: [
          { guard: "isRetry", actions: "refuseFenced" },
          { guard: "commits", target: "PrepareCommit", actions: end },
          { target: "PrepareAbort", actions: end },
        ],
        timeout: "PrepareEpochFence",
      },
    },
    /**
     * The producer is fenced by the next epoch. Unless another one has begun by then, it gets that epoch when it begins
     * again, or, with KIP-890, aborts. Passed through on the way to PrepareAbort; nothing ever stays here.
     */
    PrepareEpochFence: {
      always: { target: "PrepareAbort", actions: ["bumpForFence", "noteBump", "persist"] },
    },
    /**
     * The transaction is committed: that is durable, and the partitions are being told. Everything else has to wait
     * (CONCURRENT_TRANSACTIONS); an abort is refused (INVALID_TXN_STATE).
     *
     * - every partition has its marker: CompleteCommit
     */
    PrepareCommit: {
      entry: "writeMarkers",
      on: {
        init: { actions: "refuseConcurrent" },
        add: { actions: "refuseConcurrent" },
        end: [
          { guard: "abortsTheSame", actions: "refuseState" },
          { actions: "refuseConcurrent" },
        ],
        markersWritten: { target: "CompleteCommit", actions: complete },
      },
    },
    /**
     * The transaction is aborted: that is durable, and the partitions are being told. Everything else has to wait
     * (CONCURRENT_TRANSACTIONS); a commit is refused (INVALID_TXN_STATE).
     *
     * - every partition has its marker: CompleteAbort
     */
    PrepareAbort: {
      entry: "writeMarkers",
      on: {
        init: { actions: "refuseConcurrent" },
        add: { actions: "refuseConcurrent" },
        end: [
          { guard: "commitsTheSame", actions: "refuseState" },
          { actions: "refuseConcurrent" },
        ],
        markersWritten: { target: "CompleteAbort", actions: complete },
      },
    },
    /**
     * The last transaction was committed. A producer that did not hear of it may commit it again.
     *
     * - partitions are added: Ongoing
     * - abort, with KIP-890: PrepareAbort, for the next epoch
     * - the producer begins again: Empty, in the next epoch
     * - nobody comes for long: Dead
     */
    CompleteCommit: {
      on: {
        init: beginAgain,
        add: firstPartitions,
        end: [{ guard: "commitsTheSame", actions: "answer" }, abortNothing, {
          actions: "refuseState",
        }],
        expire: expires,
      },
    },
    /**
     * The last transaction was aborted. A producer that did not hear of it may abort it again.
     *
     * - partitions are added: Ongoing
     * - another abort, with KIP-890: PrepareAbort, for the next epoch
     * - the producer begins again: Empty, in the next epoch
     * - nobody comes for long: Dead
     */
    CompleteAbort: {
      on: {
        init: beginAgain,
        add: firstPartitions,
        end: [{ guard: "abortsTheSame", actions: "answer" }, abortNothing, {
          actions: "refuseState",
        }],
        expire: expires,
      },
    },
    /** Forgotten. Nothing happens any more. */
    Dead: { type: "final" },
  },
});

/** A state of the machine, with its context. */
export type TransactionState = SnapshotFrom<typeof transactionMachine>;
/** A state's name, as Kafka tells it. */
export type TransactionStateName = TransactionState["value"];

/** The state of which only this is known: at the beginning, or from a record. */
export function resumedState(
  value: TransactionStateName,
  context: TransactionContext,
): TransactionState {
  return transactionMachine.resolveState({ value, context });
}

/** What follows from an event: the next state, and the actions to carry out, in this order. */
export function nextState(
  state: TransactionState,
  event: TransactionEvent,
): readonly [TransactionState, readonly TransactionAction[]] {
  const [next, actions] = transition(transactionMachine, state, event);
  return [next, actions.map(({ type }) => type as TransactionAction)];
}
