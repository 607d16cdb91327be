import { assertEquals } from "@std/assert";
import { ByteQueue } from "../../environment/byte_queue.ts";

function take(queue: ByteQueue, bytesMax: number): number[] {
  const buffer = new Uint8Array(bytesMax);
  return [...buffer.subarray(0, queue.take(buffer))];
}

Deno.test("Byte queue gives bytes back in order, in pieces of any size", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1, 2, 3));
  queue.push(Uint8Array.of());
  queue.push(Uint8Array.of(4, 5));
  assertEquals(queue.bytes, 5);
  assertEquals(take(queue, 2), [1, 2]);
  assertEquals(take(queue, 2), [3, 4]);
  assertEquals(take(queue, 9), [5]);
  assertEquals(take(queue, 9), []);
  assertEquals(queue.bytes, 0);
});

Deno.test("Byte queue copies each borrowed chunk once, and drops only what is borrowed", () => {
  const queue = new ByteQueue();
  const first = Uint8Array.of(1, 2);
  const second = Uint8Array.of(3, 4);
  queue.push(first);
  queue.own();
  queue.push(second);
  first.fill(0);
  second[0] = 9;
  queue.own();
  second.fill(0);
  queue.push(Uint8Array.of(7));
  queue.dropBorrowed();
  assertEquals(take(queue, 9), [1, 2, 9, 4]);
});
