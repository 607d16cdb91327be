import { assertEquals, assertMatch } from "@std/assert";
import { lint } from "./lint.ts";

const ORDER = ["protocol", "config", "storage", "actors", "server", "mod.ts"];
const pathOf = (layer: string) => layer.endsWith(".ts") ? layer : `${layer}/deep/file.ts`;
const importing = (from: string, to: string) => {
  const up = pathOf(from).includes("/") ? "../../" : "./";
  return lint("layers", pathOf(from), `import { a } from "${up}${pathOf(to)}";`);
};

Deno.test("Layer rule lets a layer import itself and every layer below, and none above", () => {
  for (const [index, from] of ORDER.entries()) {
    for (const [other, to] of ORDER.entries()) {
      const messages = importing(from, to);
      assertEquals(messages.length, other <= index ? 0 : 1, `${from} imports ${to}`);
    }
  }
});

Deno.test("Layer rule opens the environment to all but protocol and config", () => {
  for (const layer of ["storage", "actors", "server", "client", "mod.ts", "cli", "testing"]) {
    assertEquals(importing(layer, "environment"), []);
  }
  for (const layer of ["protocol", "config"]) {
    assertEquals(importing(layer, "environment").length, 1);
  }
});

Deno.test("Layer rule keeps the environment free of everything, types included", () => {
  for (const form of ["import type { A } from", "import", "export * from", "export { a } from"]) {
    const messages = lint("layers", "environment/x.ts", `${form} "../protocol/errors.ts";`);
    assertEquals(messages, [
      "environment must not import protocol (it may import nothing but itself)",
    ]);
  }
});

Deno.test("Layer rule holds the client to protocol and environment", () => {
  assertEquals(importing("client", "protocol"), []);
  for (const layer of ["config", "storage", "actors", "server", "mod.ts", "testing"]) {
    assertEquals(importing("client", layer).length, 1, layer);
  }
});

Deno.test("Layer rule sees every form of import", () => {
  const forms = [
    'import "../server/a.ts"',
    'import type { A } from "../server/a.ts"',
    'export * from "../server/a.ts"',
    'export { a } from "../server/a.ts"',
    'await import("../server/a.ts")',
    'type A = import("../server/a.ts").A',
  ];
  for (const form of forms) assertEquals(lint("layers", "actors/x.ts", form).length, 1, form);
});

Deno.test("Layer rule keeps the core away from adapters, which mod.ts passes in", () => {
  const source = 'import { a } from "../environment/deno/deno_environment.ts"';
  assertMatch(lint("layers", "server/x.ts", source)[0], /must not import the adapter/);
  assertEquals(lint("layers", "cli/x.ts", source), []);
  const sibling = 'import { a } from "./errors.ts"';
  assertEquals(lint("layers", "environment/deno/x.ts", sibling), []);
});

Deno.test("Layer rule keeps test packages out of the product", () => {
  assertEquals(lint("layers", "storage/x.ts", 'import { a } from "@std/assert"').length, 1);
  assertEquals(lint("layers", "storage/x.ts", 'import { a } from "xstate"'), []);
  assertEquals(lint("layers", "tests/storage/x_test.ts", 'import { a } from "@std/assert"'), []);
});

Deno.test("Layer rule leaves tests, tools and benchmarks alone", () => {
  for (const path of ["tests/a/b_test.ts", "tools/x.ts", "bench/x.ts"]) {
    assertEquals(lint("layers", path, 'import { a } from "../server/a.ts"'), []);
  }
});
