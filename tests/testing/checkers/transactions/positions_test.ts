import { assertEquals } from "@std/assert";
import { kindsIn, position, seen, transaction, verdict } from "./histories.ts";

const input = ["i0@in-0@0", "i1@in-0@1", "i2@in-0@2"];
const sent = input.map((text, offset) => ({
  producer: "source",
  partition: "in-0",
  value: text.split("@")[0],
  offset,
}));
const first = { reads: input.slice(0, 2), positions: ["in-0@2"], writes: ["o1@out-0@0"] };
const second = { reads: input.slice(2), positions: ["in-0@3"], writes: ["o2@out-0@2"] };

Deno.test("Transaction checker finds nothing wrong with a pipeline that processed each record once", () => {
  const history = {
    sent,
    transactions: [
      transaction("t0", { ...first, writes: ["o0@out-0@9"], outcome: "aborted" }),
      transaction("t1", first),
      transaction("t2", { ...second, producer: "q" }),
    ],
    committedLog: seen(...input, "o1@out-0@0", "o2@out-0@2"),
    toldPositions: [position("in-0@0"), position("in-0@2")],
    positions: [position("in-0@3")],
  };
  assertEquals(verdict(history), { violations: [], permitted: [] });
});

Deno.test("Transaction checker catches a transaction torn between its writes and a group's position", () => {
  const committedLog = seen(...input, "o1@out-0@0");
  const [violation, ...others] = verdict({
    sent,
    transactions: [transaction("t1", first)],
    committedLog,
    positions: [position("in-0@0")],
  }).violations;
  assertEquals(others, []);
  assertEquals(violation.kind, "torn transaction");
  assertEquals(
    violation.text,
    "t1 took effect, with group g in in-0: 2: in the end that is 0",
  );
});

Deno.test("Transaction checker catches a position of a transaction that was not committed", () => {
  const transactions = [transaction("t1", { ...first, outcome: "aborted" })];
  const committedLog = seen(...input);
  const positions = [position("in-0@2")];
  assertEquals(kindsIn({ sent, transactions, committedLog, positions }), [
    "torn transaction",
    "lost",
    "lost",
  ]);
});

Deno.test("Transaction checker catches a position that a member was told too early", () => {
  const transactions = [transaction("t1", { ...first, outcome: "unknown" })];
  const committedLog = seen(...input);
  const toldPositions = [position("in-0@2")];
  assertEquals(kindsIn({ sent, transactions, committedLog }), []);
  assertEquals(kindsIn({ sent, transactions, committedLog, toldPositions }), ["torn transaction"]);
});

Deno.test("Transaction checker catches a record that two transactions processed", () => {
  const { violations } = verdict({
    sent,
    transactions: [
      transaction("t1", first),
      transaction("t2", { ...second, reads: input, producer: "q" }),
    ],
    committedLog: seen(...input, "o1@out-0@0", "o2@out-0@2"),
    positions: [position("in-0@3")],
  });
  assertEquals(violations, [
    { kind: "duplicate", text: `Group g processed "i0", in-0@0, in t1 and in t2` },
    { kind: "duplicate", text: `Group g processed "i1", in-0@1, in t1 and in t2` },
  ]);
});

Deno.test("Transaction checker catches a record that a group passed over", () => {
  const { violations } = verdict({
    sent,
    transactions: [transaction("t2", second)],
    committedLog: seen(...input, "o2@out-0@2"),
    positions: [position("in-0@3")],
  });
  assertEquals(violations, [
    { kind: "lost", text: `Group g is at 3 in in-0, and "i0", @0, was never processed` },
    { kind: "lost", text: `Group g is at 3 in in-0, and "i1", @1, was never processed` },
  ]);
});

Deno.test("Transaction checker does not know whether a transaction without writes took effect, and leaves it", () => {
  const transactions = [transaction("t1", { ...first, writes: [], outcome: "unknown" })];
  const committedLog = seen(...input);
  for (const positions of [[], [position("in-0@2")]]) {
    assertEquals(kindsIn({ sent, transactions, committedLog, positions }), []);
  }
});
