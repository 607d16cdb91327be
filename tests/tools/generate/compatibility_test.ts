import { assertEquals } from "@std/assert";
import { compatibilityText } from "../../../tools/generate/compatibility.ts";
import { formatted } from "../../../tools/generate/format.ts";

Deno.test("COMPATIBILITY.md is what the code says", async () => {
  const committed = await Deno.readTextFile(new URL("../../../COMPATIBILITY.md", import.meta.url));
  assertEquals(
    committed,
    await formatted(await compatibilityText(), "md"),
    "COMPATIBILITY.md is stale: deno task generate",
  );
});
