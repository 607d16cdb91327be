import { assertEquals } from "@std/assert";
import { diagrams } from "../../../tools/generate/diagrams.ts";

Deno.test("Diagrams are those of the machines", async () => {
  for (const [file, text] of diagrams()) {
    const drawn = await Deno.readTextFile(new URL(`../../../${file}`, import.meta.url));
    assertEquals(drawn, text, `${file} is stale: run "deno task generate"`);
  }
});
