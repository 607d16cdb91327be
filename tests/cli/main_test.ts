// Real time: commands run in this process, on the real clock.
import { assertEquals, assertMatch } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { runMain } from "./command.ts";

Deno.test("The command line tells its version and its commands", async () => {
  assertEquals(await runMain(["--version"]), {
    code: 0,
    printed: [manifest.version],
    complaints: [],
  });
  const { code, printed } = await runMain(["--help"]);
  assertEquals(code, 0);
  assertMatch(printed.join("\n"), /serve \[options\] +Run a broker/);
});

Deno.test("The command line answers 2 and one line to a command that it does not know", async () => {
  assertEquals(await runMain(["servw"]), {
    code: 2,
    printed: [],
    complaints: ["odradek: unknown command 'servw' (Did you mean serve?)"],
  });
});

Deno.test("serve runs in this process, and ends when it is told to", async () => {
  const { code, printed } = await runMain(["serve", "--listen=127.0.0.1:0", "--data=memory:"]);
  assertEquals(code, 0);
  assertMatch(
    printed.join("\n"),
    /^Odradek is ready on 127\.0\.0\.1:\d+: data memory:, 0 topics, 42 ms$/,
  );
});

Deno.test("A message of several lines is told in one", async () => {
  const readFile = () => Promise.reject(new Error("first\n  second"));
  const { code, complaints } = await runMain(["serve", "--config=x"], { readFile });
  assertEquals([code, complaints], [2, ["odradek: --config: cannot read x: first second"]]);
});

Deno.test("A fault of the program is told with its stack, and answered with 1", async () => {
  const sinceStartMs = () => {
    throw new TypeError("the clock is broken");
  };
  const args = ["serve", "--listen=127.0.0.1:0", "--data=memory:"];
  const { code, complaints } = await runMain(args, { sinceStartMs });
  assertEquals(code, 1);
  assertMatch(complaints[0], /^odradek: TypeError: the clock is broken\n +at /);
});
