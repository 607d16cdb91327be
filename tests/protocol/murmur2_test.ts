import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { murmur2, partitionForKey } from "../../protocol/murmur2.ts";

const encoder = new TextEncoder();

Deno.test("Murmur2 agrees with Java's on known keys of every length modulo 4", () => {
  const known = [["21", -973932308], ["foobar", -790332482], [
    "a-little-bit-long-string",
    -985981536,
  ], ["abc", 479470107]] as const;
  for (const [key, hash] of known) assertEquals(murmur2(encoder.encode(key)), hash);
});

Deno.test("Murmur2 agrees with a plain transcription in 64-bit arithmetic", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (key) => {
    assertEquals(murmur2(key), slowMurmur2(key));
  }));
});

Deno.test("Partition of a key lies among the partitions", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 10_000 }), (key, partitions) => {
    const partition = partitionForKey(key, partitions);
    assert(partition >= 0 && partition < partitions && Number.isInteger(partition));
  }));
});

function slowMurmur2(key: Uint8Array): number {
  const multiply = (a: bigint, b: bigint) => BigInt.asUintN(32, a * b);
  const multiplier = 0x5bd1e995n;
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  let hash = 0x9747b28cn ^ BigInt(key.length);
  let at = 0;
  for (; at + 4 <= key.length; at += 4) {
    const word = multiply(BigInt(view.getUint32(at, true)), multiplier);
    hash = multiply(hash, multiplier) ^ multiply(word ^ (word >> 24n), multiplier);
  }
  if (at < key.length) {
    let tail = 0n;
    for (let i = key.length - 1; i >= at; i--) tail = (tail << 8n) | BigInt(key[i]);
    hash = multiply(hash ^ tail, multiplier);
  }
  hash = multiply(hash ^ (hash >> 13n), multiplier);
  return Number(BigInt.asIntN(32, hash ^ (hash >> 15n)));
}
