import { assertEquals } from "@std/assert";
import { lint } from "./lint.ts";

Deno.test("Module-state rule forbids variables of modules, not constants or locals", () => {
  const count = (source: string, path = "storage/x.ts") =>
    lint("module-state", path, source).length;
  assertEquals(count("let cached = null"), 1);
  assertEquals(count("export let cached = null"), 1);
  assertEquals(count("var cached"), 1);
  assertEquals(count("const TABLE = new Uint32Array(256)"), 0);
  assertEquals(count("function f() { let a = 1; return a }"), 0);
  assertEquals(count("for (let i = 0; i < 3; i++) f(i)"), 0);
  assertEquals(count("let cached = null", "bench/x.ts"), 0);
});
