import { assert, assertEquals } from "@std/assert";
import * as assertions from "@std/assert";
import * as streams from "@std/streams";

/** The names that `types/std.d.ts` declares as values of a module. */
async function declaredIn(module: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("../../types/std.d.ts", import.meta.url));
  const start = text.indexOf(`declare module "${module}"`);
  const end = text.indexOf("\ndeclare module", start + 1);
  const body = text.slice(start, end === -1 ? undefined : end);
  const names = body.matchAll(/^ {2}export (?:class|function) (\w+)/gm);
  return [...new Set(Array.from(names, ([, name]) => name))];
}

Deno.test("Everything that the ambient types declare of @std/assert and @std/streams is really there", async () => {
  for (const [module, real] of [["@std/assert", assertions], ["@std/streams", streams]] as const) {
    const declared = await declaredIn(module);
    assert(declared.length > 10, `${module} declares ${declared.length} names`);
    const missing = declared.filter((name) => !(name in real));
    assertEquals(missing, [], `declared of ${module}, and not there`);
  }
});

Deno.test("The ambient types leave out no function of @std/streams", async () => {
  const declared = new Set(await declaredIn("@std/streams"));
  assertEquals(Object.keys(streams).filter((name) => !declared.has(name)), []);
});
