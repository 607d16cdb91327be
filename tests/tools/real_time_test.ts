import { assertEquals } from "@std/assert";

const TESTS = new URL("../", import.meta.url);
/** What makes a test wait for, or look at, the machine's own clock. */
const REAL_TIME =
  /\b(?:setTimeout|setInterval|denoEnvironment)\(|\b(?:performance|Date)\.now\(|AbortSignal\.timeout\(/;
/** Programs of other projects have clocks of their own; and the lint rule's test only quotes code. */
const EXEMPT = ["compat/", "tools/"];

/** All source files below a folder, from `tests/` on. */
async function* sources(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, TESTS))) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* sources(`${path}/`);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("Every test that does not run in virtual time says why", async () => {
  const silent: string[] = [];
  for await (const path of sources()) {
    if (EXEMPT.some((folder) => path.startsWith(folder))) continue;
    const source = await Deno.readTextFile(new URL(path, TESTS));
    if (REAL_TIME.test(source) && !/^\/\/ Real time: \S/m.test(source)) silent.push(path);
  }
  assertEquals(silent, []);
});
