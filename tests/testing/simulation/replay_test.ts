import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { simulate, SimulationError } from "../../../testing/mod.ts";
import { replayCommandOf } from "../../../testing/simulation/replay.ts";

Deno.test("Failure tells the command that runs its own file again, and the seed", async () => {
  await using simulation = simulate({ seed: 5 });
  const failing = () => simulation.run(() => Promise.reject(new Error("no")));
  const { message } = await assertRejects(failing, SimulationError);
  assertStringIncludes(message, "Seed 5: ");
  const file = new URL(import.meta.url).pathname;
  assertEquals(message.split("\n").at(-1), `Replay: deno test -A ${file}`);
});

Deno.test("Replay command is one that a shell understands", () => {
  assertEquals(replayCommandOf(1, "file:///a/orders.test.ts"), "deno test -A /a/orders.test.ts");
  assertEquals(replayCommandOf(1, "file:///a/latest.ts"), "deno run -A /a/latest.ts");
  assertEquals(
    replayCommandOf(1, "file:///it's%20a/x_test.ts"),
    `deno test -A '/it'\\''s a/x_test.ts'`,
  );
  assertEquals(replayCommandOf("s", "https://example.com/x.ts"), 'simulate({ seed: "s" })');
});
