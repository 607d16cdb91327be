import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { coordinatorPartition, javaHash } from "../../protocol/java_hash.ts";

Deno.test("Java hash agrees with String.hashCode on known strings", () => {
  assertEquals(javaHash(""), 0);
  assertEquals(javaHash("a"), 97);
  assertEquals(javaHash("Aa"), javaHash("BB"));
  assertEquals(javaHash("hello world"), 1794106052);
  assertEquals(javaHash("polygenelubricants"), -2147483648);
});

Deno.test("Java hash agrees with the polynomial over UTF-16 units", () => {
  const units = fc.uint16Array({ maxLength: 60 });
  fc.assert(fc.property(units.map((units) => String.fromCharCode(...units)), (text) => {
    let hash = 0n;
    for (let i = 0; i < text.length; i++) hash = 31n * hash + BigInt(text.charCodeAt(i));
    assertEquals(javaHash(text), Number(BigInt.asIntN(32, hash)));
  }));
});

Deno.test("Coordinator partition of the hash that has no absolute value is 0", () => {
  assertEquals(coordinatorPartition("polygenelubricants", 50), 0);
});

Deno.test("Coordinator partition of a negative hash is that of its absolute value", () => {
  const negative = ["my-group", "console-consumer", "orders", "x-1", "x-2"];
  for (const id of negative) {
    assertEquals(coordinatorPartition(id, 50), Math.abs(javaHash(id)) % 50);
  }
  fc.assert(fc.property(fc.string(), (id) => {
    const partition = coordinatorPartition(id, 50);
    assert(partition >= 0 && partition < 50);
  }));
});
