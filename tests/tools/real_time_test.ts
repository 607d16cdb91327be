/**
 * That tests run in virtual time is held twice: `tests/support/real_time_guard.ts` sees what they do, and this looks for what
 * it cannot see.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { SAYS_WHY } from "../support/real_time_guard.ts";

const TESTS = new URL("../", import.meta.url);
const GUARD = new URL("support/real_time_guard.ts", TESTS).pathname;
/** What makes a test look at the machine's own clock, or wait for it behind the guard's back. */
const REAL_TIME =
  /\b(?:setTimeout|setInterval|denoEnvironment|startTestBroker)\(|\b(?:performance|Date)\.now\(|AbortSignal\.timeout\(|"node:timers|Atomics\.wait/;
/** Programs of other projects have clocks of their own; and the lint rule's test only quotes code. */
const EXEMPT = ["compat/", "tools/", "support/real_time_guard.ts"];

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
    if (REAL_TIME.test(source) && !SAYS_WHY.test(source)) silent.push(path);
  }
  assertEquals(silent, []);
});

Deno.test("Tests are run under the guard", () => {
  for (const task of ["test", "test:scenarios"] as const) {
    const { command } = manifest.tasks[task];
    const runs = command.split(" && ").filter((part) => part.startsWith("deno test "));
    assert(runs.length > 0, task);
    for (const run of runs) {
      assertStringIncludes(run, "--preload=tests/support/real_time_guard.ts", task);
    }
  }
});

/** What becomes of a test file with this body under the guard. */
async function runGuarded(source: string): Promise<{ passed: boolean; output: string }> {
  const folder = await Deno.makeTempDir({ prefix: "odradek-guard-" });
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, source);
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-config", "--allow-read", `--preload=${GUARD}`, folder],
      env: { NO_COLOR: "1" },
    }).output();
    return { passed: success, output: new TextDecoder().decode(stdout) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const waiting = (what: string) => `Deno.test("t", async () => { ${what} });`;
const WAITS: Readonly<Record<string, string>> = {
  setTimeout: "await new Promise((resolve) => setTimeout(resolve, 1));",
  setInterval: "clearInterval(setInterval(() => {}, 1));",
  "AbortSignal.timeout": "AbortSignal.timeout(1);",
};

for (const [what, code] of Object.entries(WAITS)) {
  Deno.test(`Guard fails a test that uses ${what} and does not say why`, async () => {
    const { passed, output } = await runGuarded(waiting(code));
    assert(!passed);
    assertStringIncludes(output, `some_test.ts uses ${what}`);
  });
}

Deno.test("Guard lets a test wait that says why, and one take a turn of the event loop", async () => {
  const { passed, output } = await runGuarded(
    `// Real time: it has to.\n${waiting(WAITS.setTimeout)}`,
  );
  assert(passed, output);
  const turn = waiting("await new Promise((resolve) => setTimeout(resolve, 0));");
  assert((await runGuarded(turn)).passed);
});
