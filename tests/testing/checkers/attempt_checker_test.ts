import { assertEquals } from "@std/assert";
import { type Attempt, type AttemptHistory, checkAttempts } from "../../../testing/mod.ts";

const attempt: Attempt = {
  producer: "p",
  value: "a",
  sentAtMs: 100,
  answeredAtMs: 200,
  error: "NOT_LEADER_OR_FOLLOWER",
};
const stored = { consumer: "c", partition: "t-0", offset: 0, value: "a" };
const kindsOf = (history: Partial<AttemptHistory>) =>
  checkAttempts({ attempts: [attempt], log: [stored], crashesAtMs: [], ...history })
    .map(({ kind }) => kind);

Deno.test("Attempt checker catches an error that was answered for a write that was applied", () => {
  assertEquals(kindsOf({}), ["error for an applied write"]);
});

Deno.test("Attempt checker believes an error when nothing was stored", () => {
  assertEquals(kindsOf({ log: [] }), []);
});

Deno.test("Attempt checker excuses a broker that crashed during the attempt, not before or after it", () => {
  assertEquals(kindsOf({ crashesAtMs: [150] }), []);
  assertEquals(kindsOf({ crashesAtMs: [99, 201] }), ["error for an applied write"]);
});

Deno.test("Attempt checker says nothing of attempts whose client gave up", () => {
  assertEquals(kindsOf({ attempts: [{ ...attempt, error: null }] }), []);
});
