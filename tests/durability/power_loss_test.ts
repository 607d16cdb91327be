// Real time: real files of a real process. The form with 1000 points is `deno task test:power 1000`.
import { assert, assertEquals } from "@std/assert";
import { losePower } from "./power_loss.ts";

Deno.test("Every acknowledged record is there after 50 losses of power under load", async () => {
  const report = await losePower({ points: 50, pointsPerMoment: 10, momentsPerLife: 5 });
  assertEquals(report.faults, []);
  assert(report.acknowledged > 1_000, `only ${report.acknowledged} records were acknowledged`);
  assert(report.lostBytes > 0, "nothing was lost");
});
