/**
 * Transactions against the real broker in virtual time: 50 seeds of everything at random, a third of them as before
 * KIP-890, and the systematic sweep. Continuous integration runs 1000. To see one seed:
 * `deno task simulate --scenario transactions --from 17 --seeds 1`.
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { replayCommand } from "../scenario.ts";
import { transactionSweep } from "./sweep.ts";
import { transactions, type TransactionsOutcome } from "./transactions.ts";

const SEEDS = 50;
const RUN_TWICE = 2;
/** Commit and abort, each with KIP-890 and without. */
const SWEEPS = 4;
/** Commits of the store between EndTxn and the last marker, at least: PREPARE, markers, COMPLETE. */
const COMMITS_SWEPT = 3;
const FAULT_KINDS = [
  "broker killed",
  "broker paused",
  "broker replaced by a successor",
  "client stalled",
  "client vanished",
  "client zombie",
  "kv lost answer",
  "kv lost request",
  "late copy of a request",
  "lost answer",
  "network delay",
  "network partition",
  "network reset",
  "producer fenced or failed",
  "request held back",
  "transaction overslept",
];

const outcomes = new Map<number, TransactionsOutcome>();

Deno.test("Transactions are atomic, read once committed and processed once, whatever goes wrong", async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const outcome = await transactions.run(seed);
    outcomes.set(seed, outcome);
    assertEquals(outcome.violations, [], replayCommand("transactions", seed));
    assertGreaterOrEqual(outcome.acknowledged, 30, replayCommand("transactions", seed));
  }
});

Deno.test("Transactions have the same history for the same seed", async () => {
  for (let seed = 0; seed < RUN_TWICE; seed++) {
    assertEquals((await transactions.run(seed)).hash, outcomes.get(seed)?.hash, `seed ${seed}`);
  }
  assertEquals(new Set([...outcomes.values()].map(({ hash }) => hash)).size, SEEDS);
});

Deno.test("Transactions were hit by every kind of fault, with KIP-890 and without", () => {
  for (const kind of FAULT_KINDS) {
    const count = [...outcomes.values()].reduce((sum, { faults }) => sum + (faults[kind] ?? 0), 0);
    assert(count >= 10, `${kind}: ${count}`);
  }
  const versions = [...outcomes.values()].map(({ version }) => version);
  assertGreaterOrEqual(versions.filter((version) => version === 1).length, SEEDS / 4);
});

Deno.test("Transaction is whole, ended and out of the way after a crash at any commit within its end", async () => {
  for (let seed = 0; seed < SWEEPS; seed++) {
    const { violations, commits } = await transactionSweep.run(seed);
    assertEquals(violations, [], replayCommand("transaction-sweep", seed));
    assertGreaterOrEqual(commits, COMMITS_SWEPT);
  }
});
