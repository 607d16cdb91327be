import { assert, assertEquals } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };
import { compatSuites } from "../../../tools/tasks/compat_suites.ts";
import { TEST_PERMISSIONS } from "../../../tools/tasks/test_permissions.ts";

Deno.test("Every task says what it does", () => {
  for (const [name, task] of Object.entries(manifest.tasks)) {
    assert(task.description.length > 10, name);
  }
});

Deno.test("No task gives all permissions", () => {
  for (const [name, { command }] of Object.entries(manifest.tasks)) {
    assert(!/(^|\s)(-A|--allow-all)(\s|$)/.test(command), name);
  }
});

Deno.test("Compat suites have the permissions that the tests of the project have", () => {
  const command = manifest.tasks.test.command.split(" ");
  assertEquals(command.filter((word) => word.startsWith("--allow-")), TEST_PERMISSIONS);
});

Deno.test("Every compat suite can be run by a task of its own", () => {
  const tasks: Readonly<Record<string, { readonly command: string }>> = manifest.tasks;
  for (const { name } of compatSuites()) {
    assertEquals(tasks[`test:compat:${name}`]?.command, `deno task test:compat ${name}`);
  }
});

Deno.test("Every dependency is pinned to one version", () => {
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    assert(
      /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/.*)?$/.test(specifier),
      `${name}: ${specifier}`,
    );
  }
});
