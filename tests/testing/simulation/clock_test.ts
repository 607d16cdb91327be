import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { SimulatedClock, START_MS } from "../../../testing/simulation/clock.ts";
import { durationMs } from "../../../testing/simulation/duration.ts";

Deno.test("Simulated clock jumps on the wall and never goes back inside", () => {
  let virtualMs = 0;
  const clock = new SimulatedClock(() => virtualMs);
  assertEquals(clock.now(), START_MS);
  virtualMs = 1000.7;
  clock.jump(-3_600_000);
  assertEquals(clock.now(), START_MS + 1000 - 3_600_000);
  assertEquals(clock.monotonicMs(), 1000.7);
});

Deno.test("Simulated clock drifts from the moment it is told to", () => {
  let virtualMs = 0;
  const clock = new SimulatedClock(() => virtualMs);
  virtualMs = 1000;
  clock.drift(100_000);
  assertEquals(clock.monotonicMs(), 1000);
  virtualMs = 2000;
  assertAlmostEquals(clock.monotonicMs(), 2100);
  assertAlmostEquals(clock.virtualDelayMs(110), 100);
  clock.drift(0);
  virtualMs = 3000;
  assertAlmostEquals(clock.monotonicMs(), 3100);
});

Deno.test("Durations are numbers of milliseconds or texts with a unit", () => {
  assertEquals([durationMs(5), durationMs("250ms"), durationMs("1.5s")], [5, 250, 1500]);
  assertEquals([durationMs("2m"), durationMs("1h"), durationMs("7d")], [12e4, 36e5, 6048e5]);
  for (const wrong of ["5", "5 s", "-1s", "s", ""]) {
    assertThrows(() => durationMs(wrong as "1s"), RangeError, "Not a duration");
  }
  assertThrows(() => durationMs(NaN), RangeError);
});
