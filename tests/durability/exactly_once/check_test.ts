import { assertEquals } from "@std/assert";
import { faultsOf, type FoundRecord } from "./check.ts";

const NONE = { missing: [], duplicated: [], reordered: [], aborted: [] };

/** Records of two partitions: even numbers of the key `even`, odd ones of `odd`. */
function good(count: number): FoundRecord[][] {
  const partitions: FoundRecord[][] = [[], []];
  for (let n = 0; n < count; n++) {
    partitions[n % 2].push({ key: n % 2 ? "odd" : "even", value: `${n}`, isForNothing: false });
  }
  return partitions;
}

Deno.test("Check of an exactly-once output finds nothing wrong with a good one", () => {
  assertEquals(faultsOf(good(10), 10), NONE);
});

Deno.test("Check of an exactly-once output sees a record that is missing", () => {
  const output = good(10);
  output[0].splice(2, 1);
  assertEquals(faultsOf(output, 10), { ...NONE, missing: ["4"] });
});

Deno.test("Check of an exactly-once output sees a record that is there twice, and one that nobody wrote", () => {
  const output = good(10);
  output[1].push(output[1].at(-1)!);
  assertEquals(faultsOf(output, 10), { ...NONE, duplicated: ["9"] });
  assertEquals(faultsOf(good(12), 11), { ...NONE, duplicated: ["11, which nobody wrote"] });
});

Deno.test("Check of an exactly-once output sees a key whose records are out of order, but lets keys overtake each other", () => {
  const output = good(10);
  [output[0][1], output[0][2]] = [output[0][2], output[0][1]];
  assertEquals(faultsOf(output, 10), { ...NONE, reordered: ["2 behind 4"] });
  const [even, odd] = good(10);
  assertEquals(faultsOf([[...odd, ...even], []], 10), NONE);
});

Deno.test("Check of an exactly-once output sees a record of a transaction that was aborted", () => {
  const output = good(10);
  output[0][1] = { ...output[0][1], isForNothing: true };
  assertEquals(faultsOf(output, 10), { ...NONE, aborted: ["2"] });
});
