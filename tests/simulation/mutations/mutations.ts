/**
 * Rules of the broker, each switched off by a small change of the source; and by what kind of violation that is to be
 * noticed. A mutation is tried on a copy of the tree: the product itself has no switch for it.
 */
import type { ViolationKind } from "../../../testing/mod.ts";
import { TRANSACTION_MUTATIONS } from "./transaction_mutations.ts";

/** A change of one place. */
export interface Edit {
  /** What stands there, exactly once in the file. */
  readonly find: string;
  /** What stands there instead. */
  readonly replace: string;
}

/** One rule, switched off. */
export interface Mutation {
  /** The rule. */
  readonly rule: string;
  /** The file, from the root of the tree. */
  readonly file: string;
  readonly edits: readonly Edit[];
  /** Which scenario is to notice. Default: the one that runs when none is named. */
  readonly scenario?: string;
  /** By which of these it may be noticed; one is enough. */
  readonly caughtAs: readonly ViolationKind[];
}

/** One per rule. */
export const MUTATIONS: readonly Mutation[] = [
  {
    rule: "Every commit checks HEAD",
    file: "storage/chain/commit_chain.ts",
    edits: [{
      find: "checks: [{ key: headKey, version: first ? null : this.#version }],",
      replace: "checks: [],",
    }],
    caughtAs: ["broken chain"],
  },
  {
    rule: "A batch that a producer repeats is stored once",
    file: "actors/partition/partition.ts",
    edits: [{
      find: "const verdict = log.producers.check(header);",
      replace: 'const verdict = { kind: "new" };',
    }],
    caughtAs: ["duplicate", "reordered"],
  },
  {
    rule: "A conflict with one's own token in HEAD means that the commit was applied",
    file: "storage/chain/commit_chain.ts",
    edits: [{
      find: "if (entry && found && sameToken(found.token, head.token)) {",
      replace: "if (entry && found && found.token === head.token) {",
    }],
    caughtAs: ["error for an applied write"],
  },
  {
    rule: "Parts that were staged and never published are swept at start",
    file: "storage/log/shard_recovery.ts",
    edits: [{
      find: '    ["s", head.firstSequence],\n',
      replace: "",
    }],
    caughtAs: ["orphan"],
  },
  {
    rule: "A batch is acknowledged when its commit is durable",
    file: "storage/log/stored_partition.ts",
    edits: [{
      find: "    this.#pending.push({ batch, undo, onOutcome: [onOutcome] });\n",
      replace: "    this.#pending.push({ batch, undo, onOutcome: [] });\n" +
        "    Promise.resolve().then(() => onOutcome(COMMITTED));\n",
    }],
    caughtAs: ["lost", "inconsistent offset"],
  },
  {
    rule: "The answers of a connection are sent in the order of its requests",
    file: "server/connection/answer_queue.ts",
    edits: [{
      find: "  flush(): void {\n",
      replace: "  flush(): void {\n" +
        "    const isOpen = ({ answer }: Place) => Number(answer === undefined);\n" +
        "    this.#places.sort((one, other) => isOpen(one) - isOpen(other));\n",
    }],
    caughtAs: ["answer out of order"],
  },
  {
    rule: "What is closed disposes of its timers",
    file: "server/server.ts",
    edits: [{
      find: "    this.#sweeping?.timer.cancel();\n    this.#sweeping = null;\n",
      replace: "",
    }],
    caughtAs: ["timer left behind"],
  },
  {
    rule: "A partition changes hands when its owner has given it up (cooperative-sticky)",
    file: "protocol/assignors/cooperative_sticky.ts",
    edits: [{
      find: "return withoutTransfers(assignStickily(members, topics, claims), claims);",
      replace: "return assignStickily(members, topics, claims);",
    }],
    scenario: "group",
    caughtAs: ["double owner"],
  },
  {
    rule: "Members give everything up before they join (eager)",
    file: "client/group/group_member.ts",
    edits: [{
      find:
        '    const staying = this.#isLost || this.#parts.settings.rebalanceProtocol === "eager"\n',
      replace: "    const staying = this.#isLost\n",
    }],
    scenario: "group",
    caughtAs: ["double owner"],
  },
  {
    rule: "A tombstone is kept for delete.retention.ms",
    file: "storage/log/cleaner/compaction.ts",
    edits: [{
      find: "return record.valueBytes >= 0 || !hasDeleteHorizon(header) ||\n" +
        "      this.#ground.nowMs < header.baseTimestampMs;",
      replace: "return record.valueBytes >= 0;",
    }],
    scenario: "cleaner",
    caughtAs: ["lost"],
  },
  {
    rule: "Keys are told apart by all of their hash",
    file: "storage/log/cleaner/offset_map.ts",
    edits: [{ find: "if (same) return slot;", replace: "return slot;" }],
    scenario: "cleaner",
    caughtAs: ["lost", "resurrected"],
  },
  {
    rule: "What the cleaner wrote counts when all of it is stored",
    file: "storage/log/cleaner/segment_output.ts",
    edits: [{
      find: "await this.#target.store([set]);",
      replace: "if (written.length > 0) await this.#target.store([set]);",
    }],
    scenario: "cleaner",
    caughtAs: ["lost", "resurrected", "inconsistent offset", "failure"],
  },
  {
    rule: "What was replaced is deleted before the note that ended it",
    file: "storage/log/cleaner/shard_cleaner.ts",
    edits: [{
      find: "[...catalogue.replaced.values()].filter(isOld)",
      replace: "[...catalogue.replaced.values()].filter(isOld).reverse()",
    }],
    scenario: "cleaner",
    caughtAs: ["not cleaned", "orphan", "damage", "lost", "resurrected", "failure"],
  },
  {
    rule: "What a dead cleaner has left behind is removed",
    file: "storage/log/cleaner/shard_cleaner.ts",
    edits: [{ find: "if (!this.#litter) return;", replace: "if (this.#litter) return;" }],
    scenario: "cleaner",
    caughtAs: ["orphan", "damage", "lost", "failure"],
  },
  {
    rule: "Retention lets go only what is older than retention.ms",
    file: "storage/log/cleaner/retention.ts",
    edits: [{
      find: "const expiredBeforeMs = nowMs - config.retentionMs;",
      replace: "const expiredBeforeMs = nowMs - config.retentionMs / 2;",
    }],
    scenario: "cleaner",
    caughtAs: ["lost"],
  },
  {
    rule: "A removed partition is forgotten when nothing of it is left",
    file: "storage/log/sweeper.ts",
    edits: [{
      find: "if (stillOpen || isDirty(catalogue, tombstone)) continue;",
      replace: "",
    }],
    scenario: "cleaner",
    caughtAs: ["not cleaned", "orphan", "resurrected"],
  },
  ...TRANSACTION_MUTATIONS,
];
