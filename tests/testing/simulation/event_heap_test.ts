import { assertEquals } from "@std/assert";
import { EventHeap } from "../../../testing/simulation/event_heap.ts";
import { Random } from "../../../testing/simulation/random.ts";

Deno.test("Event heap gives events in order of time, and of scheduling at the same time", () => {
  const random = new Random("heap");
  const heap = new EventHeap();
  const expected: [number, number][] = [];
  for (let order = 0; order < 5000; order++) {
    const atMs = random.below(500);
    heap.add(atMs, () => {});
    expected.push([atMs, order]);
  }
  expected.sort(([a, i], [b, j]) => a - b || i - j);
  for (const [atMs, order] of expected) {
    const event = heap.pop()!;
    assertEquals([event.atMs, event.order], [atMs, order]);
  }
  assertEquals(heap.pop(), null);
});

Deno.test("Event heap leaves out cancelled events, however many and in whatever order", () => {
  const random = new Random("cancel");
  const heap = new EventHeap();
  const live = new Set<number>();
  const events = Array.from({ length: 10_000 }, () => heap.add(random.next(), () => {}));
  for (const event of events) {
    if (random.chance(0.8)) {
      event.cancel();
      event.cancel();
    } else live.add(event.order);
  }
  let lastMs = 0;
  for (let event; (event = heap.pop()) !== null;) {
    assertEquals(live.delete(event.order), true);
    assertEquals(event.atMs >= lastMs, true);
    lastMs = event.atMs;
    event.cancel(); // too late, and harmless
  }
  assertEquals(live.size, 0);
});
