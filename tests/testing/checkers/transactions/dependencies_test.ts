import { assertEquals } from "@std/assert";
import {
  cyclesIn,
  type Dependency,
} from "../../../../testing/checkers/transactions/dependencies.ts";

/** `"ab bc"`: b comes after a, c after b. */
function circles(edges: string): string[] {
  const dependencies = edges.split(" ").map(([from, to]): Dependency => ({
    from,
    to,
    kind: "wr",
    text: from + to,
  }));
  return cyclesIn(dependencies).map((cycle) => cycle.map(({ text }) => text).join(" "));
}

Deno.test("Dependencies without a circle have none, also where ways meet again", () => {
  assertEquals(circles("ab bc ac cd bd"), []);
});

Deno.test("Dependencies of each knot are told by a shortest circle", () => {
  assertEquals(circles("ab bc cd da ca"), ["ab bc ca"]);
  assertEquals(circles("ab ba bc cd dc"), ["cd dc", "ab ba"]);
  assertEquals(circles("ab bb"), ["bb"]);
});

Deno.test("Dependencies of 20 000 transactions in a row are followed without a deep stack", () => {
  const row = Array.from({ length: 20_000 }, (_, at): Dependency => ({
    from: `${at}`,
    to: `${at + 1}`,
    kind: "so",
    text: "",
  }));
  assertEquals(cyclesIn(row), []);
});
