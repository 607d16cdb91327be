import { assertEquals } from "@std/assert";
import { AnswerOrderChecker } from "../../../testing/mod.ts";

/** The kinds of violations after requests and answers: `"?1 ?2 !1 !2"`. */
function kindsOf(steps: string, connections: readonly string[] = ["c"]): string[] {
  const checker = new AnswerOrderChecker();
  steps.split(" ").forEach(([what, id], at) => {
    const connection = connections[at % connections.length];
    if (what === "?") checker.asked(connection, Number(id));
    else checker.answered(connection, Number(id));
  });
  return checker.violations.map(({ kind }) => kind);
}

Deno.test("Answer order checker finds nothing wrong with answers in order", () => {
  assertEquals(kindsOf("?1 ?2 !1 ?3 !2 !3"), []);
});

Deno.test("Answer order checker catches an answer that overtakes another", () => {
  assertEquals(kindsOf("?1 ?2 !2 !1"), ["answer out of order"]);
});

Deno.test("Answer order checker catches an answer that nobody waits for", () => {
  assertEquals(kindsOf("?1 !1 !1"), ["answer out of order"]);
});

Deno.test("Answer order checker tells connections apart", () => {
  assertEquals(kindsOf("?1 ?2 !1 !2", ["c", "d"]), []);
});
