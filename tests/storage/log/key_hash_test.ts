import { assertEquals } from "@std/assert";
import { KeyHash } from "../../../storage/log/cleaner/key_hash.ts";
import { OffsetMap } from "../../../storage/log/cleaner/offset_map.ts";

const encoder = new TextEncoder();

Deno.test("Key hash gives HalfSipHash-2-4 of 64 bits, twice", () => {
  // vectors_hsip64 of the reference: the key is 00..07, the inputs 00, 00 01, …
  const key = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
  const expected = ["218d1f59b9b83cc8", "be552412f8387315", "064f39ef7c50eb57", "ce0f1a45f7060679"];
  const hash = new KeyHash(key);
  expected.forEach((hex, length) => {
    hash.hash(Uint8Array.from({ length }, (_, at) => at), 0, length);
    assertEquals(new Uint8Array(hash.words.buffer as ArrayBuffer).toHex(), hex + hex);
  });
});

Deno.test("Offset map knows the last offset of each key, and says when it is full", () => {
  const random = new Uint8Array(16).fill(7);
  const map = new OffsetMap({ bytesMax: 24 * 100, keysMax: 1_000, random });
  const put = (key: string, offset: number) =>
    map.put(encoder.encode(`--${key}`), 2, key.length, offset);
  const get = (key: string) => map.get(encoder.encode(key), 0, key.length);
  let taken = 0;
  while (put(`key ${taken}`, taken)) taken++;
  assertEquals(taken, 72, "three quarters of the slots of each of four tables");
  assertEquals(put("key 3", 200), true, "A key that it knows always fits");
  assertEquals([get("key 3"), get("key 4"), get("key 72"), get("")], [200, 4, -1, -1]);
  for (let n = 4; n < taken; n++) assertEquals(get(`key ${n}`), n);
});
