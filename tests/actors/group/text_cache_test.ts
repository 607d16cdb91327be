import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TextCache } from "../../../actors/group/text_cache.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

Deno.test("A text cache answers what its bytes say, however many texts there are", () => {
  const cache = new TextCache((bytes) => decoder.decode(bytes));
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 200 }), (texts) => {
      for (const text of texts) {
        const bytes = encoder.encode(`..${text}.`);
        assertEquals(cache.at(bytes, 2, bytes.length - 1), decoder.decode(encoder.encode(text)));
      }
    }),
  );
});

Deno.test("A text cache decodes a text once, and keeps none of the bytes that it was asked with", () => {
  let decoded = 0;
  const cache = new TextCache((bytes) => {
    decoded++;
    return decoder.decode(bytes);
  });
  const bytes = encoder.encode("orders");
  assertEquals(cache.at(bytes, 0, 6), "orders");
  assertEquals(cache.at(bytes, 0, 6), "orders");
  assertEquals(decoded, 1);
  bytes.set(encoder.encode("ordeal"));
  assertEquals(cache.at(bytes, 0, 6), "ordeal");
});
