/**
 * Runs compat suites, and gets what they need beyond npm before.
 *
 * Usage: deno task test:compat [SUITE…] [--allow-skips]
 *
 * A suite that cannot run because something is missing counts as failed, and says so loudly; with `--allow-skips` it is
 * only told.
 *
 * @module
 */
import { compatSuites, type Suite } from "./compat_suites.ts";
import { run } from "./run.ts";
import { TEST_PERMISSIONS } from "./test_permissions.ts";

type Outcome = "passed" | "failed" | { readonly skippedFor: string };

async function runSuite({ name, needs }: Suite): Promise<Outcome> {
  for (const tool of needs) {
    if (await tool.isThere()) continue;
    say(`${name} needs ${tool.name}: installing it`);
    await tool.install();
    if (!await tool.isThere()) return { skippedFor: tool.name };
  }
  say(`suite ${name}`);
  const file = `tests/compat/${name}_test.ts`;
  const { ok } = await run(Deno.execPath(), ["test", ...TEST_PERMISSIONS, file]);
  return ok ? "passed" : "failed";
}

/** The suites of these names, all of them when there is none. */
function chosenSuites(names: readonly string[]): readonly Suite[] {
  const suites = compatSuites();
  if (names.length === 0) return suites;
  return names.map((name) => {
    const suite = suites.find((suite) => suite.name === name);
    if (suite !== undefined) return suite;
    say(`There is no suite ${name}; there are ${suites.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  });
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`compat: ${line}\n`));
}

const allowSkips = Deno.args.includes("--allow-skips");
const suites = chosenSuites(Deno.args.filter((arg) => arg !== "--allow-skips"));
const outcomes: [string, Outcome][] = [];
for (const suite of suites) outcomes.push([suite.name, await runSuite(suite)]);

let failed = false;
for (const [name, outcome] of outcomes) {
  if (typeof outcome === "string") {
    say(`${outcome.padEnd(7)} ${name}`);
    failed ||= outcome === "failed";
  } else {
    say(`SKIPPED ${name}: ${outcome.skippedFor} IS MISSING AND COULD NOT BE INSTALLED`);
    failed ||= !allowSkips;
  }
}
Deno.exit(failed ? 1 : 0);
