/**
 * Rules that transactions stand on, each switched off: see `mutations.ts`.
 *
 * @module
 */
import type { Mutation } from "./mutations.ts";

const scenario = "transactions";

/** One per rule. */
export const TRANSACTION_MUTATIONS: readonly Mutation[] = [
  {
    rule: "read_committed ends at the last stable offset",
    scenario,
    file: "actors/partition/partition.ts",
    edits: [{
      find: "const beforeOffset = limitOf(isolation);",
      replace: "const beforeOffset = log.highWatermark;",
    }],
    caughtAs: ["aborted read", "torn transaction", "poll skip"],
  },
  {
    rule: "Fetch tells which transactions were aborted",
    scenario,
    file: "actors/partition/partition.ts",
    edits: [{
      find: "? await log.abortedTransactions(offset, nextOffset)",
      replace: "? []",
    }],
    caughtAs: ["aborted read", "torn transaction"],
  },
  {
    rule: "What was committed or aborted is durable before anybody is told",
    scenario: "transaction-sweep",
    file: "actors/transaction/steps.ts",
    edits: [{
      find: "this.ground.decisions.whenDurable(() => this.writeMarkers(transaction)),",
      replace: "this.writeMarkers(transaction),",
    }],
    caughtAs: ["torn transaction", "lost"],
  },
  {
    rule: "Markers that are missing after a crash are written when the coordinator is loaded",
    scenario,
    file: "actors/transaction/transaction_coordinator.ts",
    edits: [{
      find: "if (isEnding(transaction)) steps.writeMarkers(transaction);",
      replace: "if (isEnding(transaction)) continue;",
    }],
    caughtAs: ["hanging transaction", "failure", "lost", "torn transaction"],
  },
  {
    rule: "A coordinator listens to no producer of an earlier epoch",
    scenario,
    file: "actors/transaction/identity.ts",
    edits: [{
      find: "if (epoch === context.epoch) return",
      replace: "if (epoch <= context.epoch) return",
    }],
    caughtAs: ["aborted read", "torn transaction", "lost", "duplicate"],
  },
  {
    rule: "Each end of a transaction gives its producer the next epoch (KIP-890)",
    scenario,
    file: "actors/transaction/transaction_machine.ts",
    edits: [{
      find: 'event.type === "end" && event.bumps\n        ? {\n          epoch: context.epoch + 1,',
      replace: 'event.type === "end" && event.bumps\n        ? {\n          epoch: context.epoch,',
    }],
    caughtAs: ["aborted read", "torn transaction", "lost", "duplicate", "failure"],
  },
  {
    rule: "A batch without a transaction is verified with the coordinator (KIP-890)",
    scenario,
    file: "actors/transaction/transaction_coordinator.ts",
    edits: [{
      find: 'transaction.includes(topic, partition) ? null : "TRANSACTION_ABORTABLE"',
      replace: "transaction.includes(topic, partition) ? null : null",
    }, {
      find: '      if (isEnding(transaction)) throw new KafkaError("CONCURRENT_TRANSACTIONS");\n',
      replace: "",
    }],
    caughtAs: ["hanging transaction"],
  },
  {
    rule: "Transactions that last too long are aborted",
    scenario,
    file: "actors/transaction/expiry.ts",
    edits: [{
      find:
        'steps.send(transaction, { type: "timeout" }, { reason: "it has been open for too long" });',
      replace: "continue;",
    }],
    caughtAs: ["hanging transaction", "failure"],
  },
  {
    rule: "Positions that a transaction commits count when it is committed",
    scenario,
    file: "actors/group/pending_offsets.ts",
    edits: [{ find: "if (commit && !superseded) {", replace: "if (!superseded) {" }],
    caughtAs: ["torn transaction", "lost"],
  },
  {
    rule: "A member that the group went on without commits nothing (KIP-447)",
    scenario,
    file: "actors/group/transactional_offsets.ts",
    edits: [{
      find:
        "if (group) checkTransactionalCommitter(group, commit);\n    else if (generation >= 0) {",
      replace: "if (!group && generation >= 0) {",
    }],
    caughtAs: ["duplicate", "torn transaction", "hanging transaction"],
  },
  {
    rule: "Positions are not told while a transaction may change them (KIP-447)",
    scenario,
    file: "actors/group/offsets.ts",
    edits: [{
      find: "requireStable && groups.pending.has(groupId, { topic, partition });",
      replace:
        "requireStable && groups.pending.has(groupId, { topic, partition: partition - 1e6 });",
    }],
    caughtAs: ["duplicate"],
  },
];
