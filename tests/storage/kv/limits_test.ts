import { assertEquals, assertThrows } from "@std/assert";
import {
  commitCost,
  DENO_KV_LIMITS,
  excessOf,
  keyBytes,
  requireGet,
} from "../../../storage/kv/limits.ts";

Deno.test("Key bytes count the wrapping and an escape for each zero", () => {
  assertEquals(keyBytes(Uint8Array.of()), 2);
  assertEquals(keyBytes(Uint8Array.of(1, 0, 255, 0)), 8);
});

Deno.test("Commit cost counts values once and keys of checks, sets and deletes twice", () => {
  const cost = commitCost({
    checks: [{ key: Uint8Array.of(1), version: null }],
    sets: [{ key: Uint8Array.of(2, 2), value: new Uint8Array(100) }],
    deletes: [Uint8Array.of(3, 3, 3)],
  });
  assertEquals(cost, {
    bytes: 100 + 2 * (3 + 4 + 5),
    keyBytes: 12,
    longestKeyBytes: 5,
    longestValueBytes: 100,
    mutations: 2,
    checks: 1,
  });
});

Deno.test("Commit excess says what there is too much of, and how much is possible", () => {
  const deletes = Array.from({ length: 1_001 }, (_, at) => Uint8Array.of(at >> 8, at));
  assertEquals(
    excessOf(commitCost({ deletes }), DENO_KV_LIMITS)?.message,
    "Cannot commit: it has 1001 mutations, at most 1000 are possible",
  );
  assertEquals(excessOf(commitCost({ deletes: deletes.slice(1) }), DENO_KV_LIMITS), null);
  assertEquals(excessOf(commitCost({}), DENO_KV_LIMITS), null);
});

Deno.test("Read of a key longer than can be stored is refused", () => {
  assertThrows(
    () => requireGet([new Uint8Array(2_047).fill(1)], DENO_KV_LIMITS),
    RangeError,
    "key",
  );
});
