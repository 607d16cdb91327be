import { assertEquals, assertMatch } from "@std/assert";
import { kindsIn, seen, transaction, verdict } from "./histories.ts";

Deno.test("Transaction checker finds nothing wrong with a history that is right", () => {
  const history = {
    transactions: [
      transaction("t1", { writes: ["a@0", "b@t-1@0"] }),
      transaction("t2", { writes: ["c@2", "d"], outcome: "aborted" }),
      transaction("t3", { writes: ["e@4"], outcome: "unknown" }), // took effect
      transaction("t4", { writes: ["f@6", "g@t-1@2"], outcome: "unknown" }), // did not
    ],
    sent: [{ producer: "q", partition: "t-1", value: "x", offset: 4 }],
    seen: seen("a@0", "b@t-1@0", "e@4", "x@t-1@4"),
    committedLog: seen("a@0", "b@t-1@0", "e@4", "x@t-1@4"),
  };
  assertEquals(verdict(history), { violations: [], permitted: [] });
  const wholeLog = seen("a@0", "b@t-1@0", "c@2", "e@4", "f@6", "g@t-1@2", "x@t-1@4");
  assertEquals(verdict({ ...history, wholeLog }), { violations: [], permitted: [] });
});

Deno.test("Transaction checker catches an aborted read in what a consumer saw, and in the end", () => {
  const transactions = [transaction("t1", { writes: ["a@0"], outcome: "aborted" })];
  const wholeLog = seen("a@0");
  assertEquals(kindsIn({ transactions, wholeLog, committedLog: seen("a@0") }), ["aborted read"]);
  const [violation] = verdict({ transactions, wholeLog, seen: seen("a@0") }).violations;
  assertEquals(violation.kind, "aborted read");
  assertEquals(violation.text, `"a" of t1 is visible as t-0@0, and t1 was not committed`);
});

Deno.test("Transaction checker catches a lost write of a transaction that was committed", () => {
  const transactions = [transaction("t1", { writes: ["a@0"] })];
  assertEquals(kindsIn({ transactions }), ["lost"]);
  // Nor does it help that the record is there: it is hidden.
  assertEquals(kindsIn({ transactions, wholeLog: seen("a@0") }), ["lost"]);
});

Deno.test("Transaction checker catches a record that was acknowledged and is not even in the whole log", () => {
  const transactions = [transaction("t1", { writes: ["a@0"], outcome: "aborted" })];
  assertEquals(kindsIn({ transactions, wholeLog: [] }), ["lost"]);
});

Deno.test("Transaction checker catches a duplicate", () => {
  const transactions = [transaction("t1", { writes: ["a@0"] })];
  assertEquals(kindsIn({ transactions, committedLog: seen("a@0", "a@1") }), ["duplicate"]);
  const wholeLog = seen("a@0", "a@1"); // one copy is hidden
  assertEquals(kindsIn({ transactions, committedLog: seen("a@0"), wholeLog }), ["duplicate"]);
});

Deno.test("Transaction checker catches a torn transaction whose outcome nobody knows", () => {
  const [violation, ...others] = verdict({
    transactions: [transaction("t1", { writes: ["a@0", "b@t-1@0"], outcome: "unknown" })],
    committedLog: seen("a@0"),
  }).violations;
  assertEquals(others, []);
  assertEquals(violation.kind, "torn transaction");
  assertEquals(violation.text, `t1 (unknown): "a" is visible, "b" is not`);
});

Deno.test("Transaction checker catches a torn transaction that was committed, or was not", () => {
  const writes = ["a@0", "b@t-1@0"];
  const committedLog = seen("a@0");
  assertEquals(
    kindsIn({ transactions: [transaction("t1", { writes })], committedLog }),
    ["lost", "torn transaction"],
  );
  assertEquals(
    kindsIn({ transactions: [transaction("t1", { writes, outcome: "aborted" })], committedLog }),
    ["aborted read", "torn transaction"],
  );
});

Deno.test("Transaction checker lets a write be missing that was never acknowledged", () => {
  const transactions = [transaction("t1", { writes: ["a@0", "b"], outcome: "unknown" })];
  assertEquals(kindsIn({ transactions, committedLog: seen("a@0") }), []);
});

Deno.test("Transaction checker catches a poll that skips what is committed, and lets it skip what is not", () => {
  const transactions = [
    transaction("t1", { writes: ["a@0"] }),
    transaction("t2", { writes: ["b@2"], outcome: "aborted" }),
    transaction("t3", { writes: ["c@4"] }),
  ];
  const committedLog = seen("a@0", "c@4");
  assertEquals(kindsIn({ transactions, committedLog, seen: seen("a@0", "c@4") }), []);
  assertEquals(kindsIn({ transactions, committedLog, seen: seen("c@4") }), ["poll skip"]);
  assertEquals(
    kindsIn({ transactions, committedLog, seen: seen("c@4"), startedAnywhere: new Set(["c"]) }),
    [],
  );
});

Deno.test("Transaction checker catches a poll that goes back", () => {
  assertEquals(
    kindsIn({
      transactions: [transaction("t1", { writes: ["a@0", "b@1"] })],
      committedLog: seen("a@0", "b@1"),
      seen: seen("a@0", "b@1", "a@0"),
    }),
    ["non-monotonic poll"],
  );
});

Deno.test("Transaction checker catches records of a producer in the wrong order, across its transactions", () => {
  const transactions = [
    transaction("t1", { writes: ["a"], outcome: "unknown" }),
    transaction("t2", { writes: ["b@0"] }),
  ];
  assertEquals(kindsIn({ transactions, committedLog: seen("b@0", "a@2") }), ["reordered"]);
});

Deno.test("Transaction checker catches a value that nobody sent, and one that is not where it was acknowledged", () => {
  assertEquals(kindsIn({ committedLog: seen("a@0") }), ["invented"]);
  const transactions = [transaction("t1", { writes: ["a@0"], outcome: "aborted" })];
  assertEquals(kindsIn({ transactions, wholeLog: seen("a@7") }), ["lost"]);
  const others = [...transactions, transaction("t2", { writes: ["b"], outcome: "aborted" })];
  const wholeLog = seen("b@0", "a@7");
  assertEquals(kindsIn({ transactions: others, wholeLog }), ["inconsistent offset", "reordered"]);
});

Deno.test("Transaction checker catches a circle of transactions that have read each other", () => {
  const { violations } = verdict({
    transactions: [
      transaction("t1", { producer: "p", writes: ["a@0"], reads: ["b@t-1@0"] }),
      transaction("t2", { producer: "q", writes: ["b@t-1@0"], reads: ["a@0"] }),
    ],
    committedLog: seen("a@0", "b@t-1@0"),
  });
  assertEquals(violations, [{
    kind: "dependency cycle",
    text: `t1 read "b" in t-1@0, which t2 wrote; t2 read "a" in t-0@0, which t1 wrote`,
  }]);
});

Deno.test("Transaction checker catches a transaction that reads itself, or what its producer writes next", () => {
  const [itself] = verdict({
    transactions: [transaction("t1", { writes: ["a@0"], reads: ["a@0"] })],
    committedLog: seen("a@0"),
  }).violations;
  assertEquals(itself.kind, "dependency cycle");
  const [future] = verdict({
    transactions: [
      transaction("t1", { reads: ["b@0"] }),
      transaction("t2", { writes: ["b@0"] }),
    ],
    committedLog: seen("b@0"),
  }).violations;
  assertEquals(future.kind, "dependency cycle");
  assertMatch(future.text, /^t1 read "b" in t-0@0, which t2 wrote; p began t2 after t1$/);
});

Deno.test("Transaction checker permits a circle that takes the order of writes, and says by what", () => {
  const { violations, permitted } = verdict({
    transactions: [
      transaction("t1", { producer: "p", writes: ["a@0", "c@2"] }),
      transaction("t2", { producer: "q", writes: ["b@1"] }),
    ],
    committedLog: seen("a@0", "b@1", "c@2"),
  });
  assertEquals(violations, []);
  assertEquals(permitted, [{
    kind: "dependency cycle",
    text: "t2 wrote t-0@1 behind @0 of t1; t1 wrote t-0@2 behind @1 of t2",
    by: "interleaved writes",
  }]);
});
