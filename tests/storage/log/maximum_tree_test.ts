import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MaximumTree } from "../../../storage/log/maximum_tree.ts";

const number = fc.integer({ min: -3, max: 9 });
const change = fc.oneof(
  fc.record({ kind: fc.constant("append" as const), numbers: fc.array(number, { maxLength: 20 }) }),
  fc.record({ kind: fc.constant("raise last" as const), number }),
  fc.record({ kind: fc.constant("splice" as const), at: fc.nat(30), length: fc.nat(9), number }),
);

Deno.test("Maximum tree finds what a look at every number finds, however the list changes", () => {
  fc.assert(
    fc.property(fc.array(change), fc.nat(40), fc.nat(40), number, (changes, from, to, value) => {
      const list: number[] = [];
      const tree = new MaximumTree();
      for (const each of changes) {
        if (each.kind === "append") list.push(...each.numbers);
        else if (each.kind === "raise last") {
          if (list.length > 0) list[list.length - 1] = Math.max(list.at(-1)!, each.number);
        } else {
          list.splice(each.at, each.length, each.number);
          tree.forget(each.at);
        }
        if (each.kind !== "splice") tree.follow(list.length, (at) => list[at]);
      }
      tree.follow(list.length, (at) => list[at]);
      assertEquals(
        tree.nextAtLeast(from, value),
        list.findIndex((each, at) => at >= from && each >= value),
      );
      const expected = [...list.keys()].slice(from, Math.max(from, to))
        .sort((a, b) => list[b] - list[a] || a - b);
      assertEquals([...tree.largestFirst(from, to)], expected);
    }),
    { numRuns: 2000 },
  );
});
