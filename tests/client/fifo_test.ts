import { assertEquals } from "@std/assert";
import { Fifo } from "../../client/fifo.ts";

Deno.test("Fifo gives back what was put in, in order, at any length", () => {
  const fifo = new Fifo<number>();
  const taken: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    fifo.push(i);
    if (i % 3 === 0) taken.push(fifo.shift()!);
  }
  assertEquals([fifo.first, fifo.last, fifo.size], [taken.length, 9999, 10_000 - taken.length]);
  while (fifo.size > 0) taken.push(fifo.shift()!);
  assertEquals(taken, Array.from({ length: 10_000 }, (_, i) => i));
  assertEquals([fifo.shift(), fifo.first, fifo.last], [undefined, undefined, undefined]);
});

Deno.test("Fifo removes an item wherever it is, but not one that was taken", () => {
  const fifo = new Fifo<string>();
  for (const item of ["a", "b", "c", "d"]) fifo.push(item);
  fifo.shift();
  assertEquals([fifo.remove("a"), fifo.remove("c"), fifo.remove("c")], [false, true, false]);
  assertEquals(fifo.drain(), ["b", "d"]);
  assertEquals(fifo.size, 0);
});
