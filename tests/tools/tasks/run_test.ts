import { assert, assertEquals } from "@std/assert";
import { countTests, run, works } from "../../../tools/tasks/run.ts";

Deno.test("The closing lines of several test runs are added up, coloured or not", () => {
  const output = [
    "ok | 49 passed | 0 failed (374ms)",
    "a test that prints: ok | 100 passed | 100 failed",
    "\x1b[0m\x1b[31mFAILED\x1b[0m | 3 passed (2 steps) | 1 failed (1 step) | 2 ignored (1s)",
    "7 passed",
    "5 passed, 2 failed",
    "of these 100 passed, 100 failed",
  ].join("\n");
  assertEquals(countTests(output), { passed: 57, failed: 3 });
});

Deno.test("A program that fails, or is not there, has failed", async () => {
  assert((await run(Deno.execPath(), ["eval", ""])).ok);
  assert(!(await run(Deno.execPath(), ["eval", "Deno.exit(3)"])).ok);
  const missing = await run("no-such-program-anywhere", []);
  assertEquals([missing.ok, missing.output], [false, "no-such-program-anywhere: not found\n"]);
});

Deno.test("What a program writes is kept", async () => {
  const { output } = await run(Deno.execPath(), ["eval", "console.log(1); console.error(2)"]);
  assertEquals(output.split("\n").sort().join(""), "12");
});

Deno.test("A program works when it is there and answers with success", async () => {
  assert(await works(Deno.execPath(), ["--version"]));
  assert(!await works(Deno.execPath(), ["--no-such-option"]));
  assert(!await works("no-such-program-anywhere", []));
});
