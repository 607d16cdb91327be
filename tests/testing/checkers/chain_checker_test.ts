import { assertEquals } from "@std/assert";
import { encodeHead } from "../../../storage/chain/head.ts";
import { key } from "../../../storage/kv/key.ts";
import { ChainChecker } from "../../../testing/mod.ts";

/** Commits to one chain: writer, epoch, sequence. What the checker says of them. */
function violationsOf(...links: readonly (readonly [string, number, number])[]): string[] {
  const checker = new ChainChecker();
  for (const [writer, epoch, sequence] of links) {
    const head = { epoch, sequence, token: new Uint8Array(16), state: new Uint8Array(0) };
    checker.applied("log-0", writer, { sets: [{ key: key("head", 1), value: encodeHead(head) }] });
  }
  return checker.violations.map(({ kind, text }) => `${kind}: ${text}`);
}

Deno.test("Chain checker finds nothing wrong with a broker and its successor", () => {
  assertEquals(violationsOf(["a", 0, 0], ["a", 0, 1], ["b", 1, 2], ["b", 1, 3]), []);
});

Deno.test("Chain checker catches a zombie that writes after its successor", () => {
  assertEquals(violationsOf(["a", 0, 0], ["b", 1, 1], ["a", 0, 1]), [
    "broken chain: log-0 1: commit 1 of a in epoch 0 came after commit 1 of b in epoch 1",
  ]);
});

Deno.test("Chain checker catches a commit that was applied twice", () => {
  assertEquals(violationsOf(["a", 0, 0], ["a", 0, 1], ["a", 0, 1]).length, 1);
});

Deno.test("Chain checker catches a commit that is missing, and two writers in one epoch", () => {
  assertEquals(violationsOf(["a", 0, 0], ["a", 0, 2]).length, 1);
  assertEquals(violationsOf(["a", 0, 0], ["b", 0, 1]).length, 1);
});

Deno.test("Chain checker tells chains apart, and leaves other keys alone", () => {
  const checker = new ChainChecker();
  const head = { epoch: 3, sequence: 9, token: new Uint8Array(16), state: new Uint8Array(0) };
  for (const store of ["meta", "log-0", "log-1"]) {
    const value = encodeHead(head);
    checker.applied(store, "a", { sets: [{ key: key("head"), value }] });
    checker.applied(store, "b", { sets: [{ key: Uint8Array.of(9), value }], deletes: [key("c")] });
  }
  assertEquals(checker.violations, []);
});
