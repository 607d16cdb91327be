import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { linesOf } from "../../cli/lines.ts";
import { UsageError } from "../../cli/usage_error.ts";

async function lines(chunks: readonly string[], bytesMax = 100): Promise<string[]> {
  const source = ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
  const found = await Array.fromAsync(linesOf(source, bytesMax));
  return found.map((line) => new TextDecoder().decode(line));
}

Deno.test("Lines end with a line feed, with or without a carriage return, or with the stream", async () => {
  assertEquals(await lines(["a\nb\r\n\nc\rd\n"]), ["a", "b", "", "c\rd"]);
  assertEquals(await lines(["a\nb"]), ["a", "b"]);
  assertEquals(await lines([]), []);
});

Deno.test("Lines are the same however the stream is cut", async () => {
  const text = fc.array(fc.constantFrom("a", "bc", "\n", "\r\n", "ä"), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(text, fc.nat(5), async (pieces, size) => {
    const whole = new TextEncoder().encode(pieces.join(""));
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size + 1) {
      chunks.push(whole.subarray(at, at + size + 1));
    }
    const cut = await Array.fromAsync(linesOf(ReadableStream.from(chunks), 100));
    assertEquals(
      cut.map((line) => new TextDecoder().decode(line)),
      await lines([pieces.join("")]),
    );
  }));
});

Deno.test("A line that is too long is refused before it is all read", async () => {
  let read = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      read++;
      controller.enqueue(new Uint8Array(10));
    },
  });
  await assertRejects(
    () => Array.fromAsync(linesOf(endless, 100)),
    UsageError,
    "a line has more than 100 bytes",
  );
  assertEquals(read < 20, true);
});
