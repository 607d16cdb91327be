// Real time: a process is killed. The form with 20 kills is `deno task test:kill`.
import { assert, assertEquals } from "@std/assert";
import { killRepeatedly } from "./kill.ts";

Deno.test("Every acknowledged record is there once and in order after three kill -9 under load", async () => {
  const report = await killRepeatedly({
    kills: 3,
    lifeMs: [300, 900],
    topics: 3,
    partitionsPerTopic: 2,
    producers: 3,
    windowMax: 500,
  });
  assertEquals(report.lost, []);
  assertEquals(report.duplicated, []);
  assertEquals(report.reordered, []);
  assert(report.acknowledged > 1000, `only ${report.acknowledged} records were acknowledged`);
});
