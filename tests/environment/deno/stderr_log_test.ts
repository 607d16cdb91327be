import { assert, assertEquals, assertMatch } from "@std/assert";
import { stderrLog, type StderrLogOptions } from "../../../environment/deno/stderr_log.ts";

function collecting(options: StderrLogOptions = {}) {
  const lines: string[] = [];
  return { lines, log: stderrLog({ ...options, write: (line) => void lines.push(line) }) };
}

Deno.test("Log line shows time, level, message and fields", () => {
  const { lines, log } = collecting();
  log.write("info", "Topic created", { topic: "orders", partitions: 3, by: "a b", id: 7n });
  assertMatch(
    lines[0],
    /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}Topic created topic=orders partitions=3 by="a b" id=7$/,
  );
});

Deno.test("Log leaves out what is milder than its level", () => {
  const { lines, log } = collecting({ level: "warn" });
  log.write("debug", "a");
  log.write("info", "b");
  log.write("warn", "c");
  log.write("error", "d");
  assertEquals(lines.length, 2);
});

Deno.test("Log keeps an event on one line whatever is in it", () => {
  const { lines, log } = collecting();
  log.write("error", "bad\nname\u001b[2J", { error: new TypeError("x\ny"), text: "1\n2" });
  assert(!/[\n\u2028]/.test(lines[0]));
  assertMatch(lines[0], /bad\\u000aname\\u001b\[2J error="TypeError: x\\ny\\n.* text="1\\n2"$/);
});

Deno.test("Log writes JSON that a machine reads back", () => {
  const { lines, log } = collecting({ format: "json" });
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  log.write("warn", "m", {
    n: 1n,
    deep: { b: 2n, e: new Error("inner") },
    none: undefined,
    circular,
  });
  const event = JSON.parse(lines[0]);
  assertEquals(event.level, "warn");
  assertEquals(event.message, "m");
  assertEquals(event.n, "1");
  assertEquals(event.deep.b, "2");
  assertMatch(event.deep.e, /^Error: inner/);
  assertEquals(event.circular, "[object Object]");
});
