import { assertEquals } from "@std/assert";
import {
  checkLog,
  type LogHistory,
  type SeenRecord,
  type SentRecord,
} from "../../../testing/checkers/log_checker.ts";

const sent = (
  value: string,
  offset: number | null,
  producer = "p",
  partition = "t-0",
): SentRecord => ({
  producer,
  partition,
  value,
  offset,
});
const seen = (value: string, offset: number, consumer = "c", partition = "t-0"): SeenRecord => ({
  consumer,
  partition,
  offset,
  value,
});
const kindsOf = (history: Partial<LogHistory>) =>
  checkLog({ sent: [], seen: [], log: [], ...history }).map(({ kind }) => kind);

Deno.test("Log checker finds nothing wrong with a log that is right", () => {
  assertEquals(
    kindsOf({
      sent: [
        sent("a", 0),
        sent("x", 1, "q"),
        sent("b", null), // told an error, stored all the same
        sent("c", null), // told an error, not stored
        sent("d", 3),
        sent("e", 0, "p", "t-1"),
      ],
      log: [seen("a", 0), seen("x", 1), seen("b", 2), seen("d", 3), seen("e", 0, "c", "t-1")],
      seen: [seen("a", 0), seen("x", 1), seen("e", 0, "c", "t-1"), seen("b", 2), seen("a", 0, "d")],
    }),
    [],
  );
});

Deno.test("Log checker catches a record acknowledged and lost", () => {
  assertEquals(kindsOf({ sent: [sent("a", 0), sent("b", 1)], log: [seen("a", 0)] }), ["lost"]);
});

Deno.test("Log checker catches a record seen and lost", () => {
  assertEquals(kindsOf({ sent: [sent("a", null)], seen: [seen("a", 0)] }), ["lost"]);
});

Deno.test("Log checker catches a duplicate", () => {
  assertEquals(kindsOf({ sent: [sent("a", 0)], log: [seen("a", 0), seen("a", 1)] }), ["duplicate"]);
});

Deno.test("Log checker catches records of a producer in the wrong order, not of two producers", () => {
  const log = [seen("b", 0), seen("a", 1)];
  assertEquals(kindsOf({ sent: [sent("a", null), sent("b", null)], log }), ["reordered"]);
  assertEquals(kindsOf({ sent: [sent("a", null), sent("b", null, "q")], log }), []);
});

Deno.test("Log checker catches an offset with two values", () => {
  const log = [seen("a", 0), seen("b", 1)];
  const both = [sent("a", 0), sent("b", null)];
  assertEquals(kindsOf({ sent: [sent("a", 1), sent("b", null)], log }), ["inconsistent offset"]);
  assertEquals(kindsOf({ sent: both, log, seen: [seen("b", 0)] }), ["inconsistent offset"]);
  assertEquals(
    kindsOf({ sent: [sent("a", null), sent("b", null)], log: [seen("a", 0), seen("b", 0)] }),
    ["inconsistent offset"],
  );
});

Deno.test("Log checker catches a record that nobody sent there", () => {
  assertEquals(kindsOf({ log: [seen("a", 0)] }), ["invented"]);
  assertEquals(kindsOf({ sent: [sent("a", null, "p", "t-1")], log: [seen("a", 0)] }), ["invented"]);
});

Deno.test("Log checker catches a gap", () => {
  assertEquals(kindsOf({ sent: [sent("a", 1)], log: [seen("a", 1)] }), ["gap"]);
});

const three = [seen("a", 0), seen("b", 1), seen("c", 2)];
const allSent = [sent("a", 0), sent("b", 1), sent("c", 2)];
const kindsOfPolls = (offsets: number[], more: Partial<LogHistory> = {}) =>
  kindsOf({ sent: allSent, log: three, seen: offsets.map((at) => three[at]), ...more });

Deno.test("Log checker catches a consumer that leaves out a record, at the start too", () => {
  assertEquals(kindsOfPolls([0, 2]), ["poll skip"]);
  assertEquals(kindsOfPolls([1, 2]), ["poll skip"]);
  assertEquals(kindsOfPolls([1, 2], { readFrom: "anywhere" }), []);
});

Deno.test("Log checker catches a consumer that goes back or stands still", () => {
  assertEquals(kindsOfPolls([0, 0]), ["non-monotonic poll"]);
  assertEquals(kindsOfPolls([0, 1, 0]), ["non-monotonic poll"]);
});

Deno.test("Log checker takes an offset without a record for no skip where gaps are allowed", () => {
  const log = [seen("a", 0), seen("b", 2)];
  const history = { sent: [sent("a", 0), sent("b", 2)], log, seen: log };
  assertEquals(kindsOf(history), ["gap"]);
  assertEquals(kindsOf({ ...history, gapsAllowed: true }), []);
});

Deno.test("Log checker catches a record seen of a transaction that was aborted", () => {
  const history = { sent: [{ ...sent("a", 0), aborted: true }], log: [seen("a", 0)] };
  assertEquals(kindsOf(history), []);
  assertEquals(kindsOf({ ...history, seen: [seen("a", 0)] }), ["aborted read"]);
});

Deno.test("Log checker lets a producer without idempotence repeat and reorder", () => {
  const plain = (value: string) => ({ ...sent(value, null), idempotent: false });
  const log = [seen("b", 0), seen("a", 1), seen("b", 2)];
  assertEquals(kindsOf({ sent: [plain("a"), plain("b")], log }), []);
});
