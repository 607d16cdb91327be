import { assertEquals } from "@std/assert";
import { kindsIn, position, seen, transaction, verdict } from "./histories.ts";

/** A commit that was sent twice, and the second time took the first half of the next transaction with it. */
const torn = (version: 1 | 2) => ({
  transactions: [
    transaction("t1", { version, writes: ["a@0"] }),
    transaction("t2", { version, writes: ["b@2", "c@t-1@0"], outcome: "unknown" as const }),
  ],
  committedLog: seen("a@0", "b@2"),
});

Deno.test("Transaction checker permits a late EndTxn to tear the next transaction of a TV1 producer", () => {
  const late = [{ transaction: "t1", request: "EndTxn" as const }];
  const { violations, permitted } = verdict({ ...torn(1), late });
  assertEquals(violations, []);
  assertEquals(permitted.map(({ kind, by }) => [kind, by]), [["torn transaction", "late EndTxn"]]);
});

Deno.test("Transaction checker permits nothing of a late EndTxn to TV2", () => {
  const late = [{ transaction: "t1", request: "EndTxn" as const }];
  assertEquals(kindsIn({ ...torn(2), late }), ["torn transaction"]);
});

Deno.test("Transaction checker permits nothing to TV1 unless a copy may have been late, of that producer, before", () => {
  assertEquals(kindsIn(torn(1)), ["torn transaction"]);
  const own = [{ transaction: "t2", request: "EndTxn" as const }];
  const after = { ...torn(1), late: own };
  after.transactions.push(transaction("t3", { version: 1 }));
  assertEquals(kindsIn({ ...after, late: [{ transaction: "t3", request: "EndTxn" }] }), [
    "torn transaction",
  ]);
  const [before, victim] = torn(1).transactions;
  assertEquals(
    kindsIn({
      ...torn(1),
      transactions: [{ ...before, transactionalId: "other" }, victim],
      late: [{ transaction: "t1", request: "EndTxn" }],
    }),
    ["torn transaction"],
  );
});

Deno.test("Transaction checker permits a late Produce and a late TxnOffsetCommit to join the next TV1 transaction", () => {
  const produce = verdict({
    transactions: [transaction("t1", { version: 1, writes: ["a"], outcome: "aborted" })],
    committedLog: seen("a@0"),
    late: [{ transaction: "t1", request: "Produce" }],
  });
  assertEquals(produce.violations, []);
  assertEquals(produce.permitted.map(({ by }) => by), ["late Produce"]);
  const offsets = verdict({
    transactions: [
      transaction("t1", { version: 1, positions: ["in-0@5"], writes: ["a@0"], outcome: "aborted" }),
    ],
    positions: [position("in-0@5")],
    late: [{ transaction: "t1", request: "TxnOffsetCommit" }],
  });
  assertEquals(offsets.violations, []);
  assertEquals(offsets.permitted.map(({ by }) => by), ["late TxnOffsetCommit"]);
});

Deno.test("Transaction checker never permits polls that go back, circles of reads and offsets that do not fit", () => {
  const late = (["EndTxn", "Produce", "TxnOffsetCommit"] as const)
    .map((request) => ({ transaction: "t1", request }));
  assertEquals(
    kindsIn({
      transactions: [
        transaction("t1", { version: 1, writes: ["a@0"], reads: ["b@1"] }),
        transaction("t2", { version: 1, producer: "q", writes: ["b@1"], reads: ["a@0"] }),
      ],
      seen: seen("b@1", "a@0"),
      committedLog: seen("a@0", "b@1"),
      late,
    }),
    ["poll skip", "non-monotonic poll", "dependency cycle"],
  );
});
