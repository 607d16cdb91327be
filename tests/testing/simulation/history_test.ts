import { assertEquals, assertNotEquals } from "@std/assert";
import { canonicalText, History } from "../../../testing/simulation/history.ts";

Deno.test("History keeps events with their times and finds them by kind", () => {
  let nowMs = 0;
  const history = new History(() => nowMs);
  history.record("produced", { offset: 1n });
  nowMs = 5;
  history.record("fetched");
  assertEquals(history.ofKind("fetched"), [{ atMs: 5, kind: "fetched", fields: {} }]);
  assertEquals(history.events.length, 2);
});

Deno.test("History's hash depends on times, kinds, fields and order, not on the order of field names", () => {
  const hashOf = (...events: [number, string, Record<string, unknown>][]) => {
    let nowMs = 0;
    const history = new History(() => nowMs);
    for (const [atMs, kind, fields] of events) {
      nowMs = atMs;
      history.record(kind, fields);
    }
    return history.hash;
  };
  const one = hashOf([1, "a", { x: 1, y: 2n }], [2, "b", {}]);
  assertEquals(hashOf([1, "a", { y: 2n, x: 1 }], [2, "b", {}]), one);
  assertNotEquals(hashOf([1.5, "a", { x: 1, y: 2n }], [2, "b", {}]), one);
  assertNotEquals(hashOf([1, "a", { x: 1, y: 2 }], [2, "b", {}]), one);
  assertNotEquals(hashOf([1, "b", {}], [2, "a", { x: 1, y: 2n }]), one);
});

Deno.test("Canonical text tells apart values of different types", () => {
  assertEquals(
    canonicalText({ b: [1, 1n, "1", null, undefined, true], a: Uint8Array.of(1, 255) }),
    '{a:0x01ff,b:[1,1n,"1",null,undefined,true]}',
  );
  assertEquals(canonicalText(new Map([["k", new Set([2])]])), 'Map[["k",Set[2]]]');
  assertEquals(canonicalText(new RangeError("x")), 'RangeError("x")');
});
