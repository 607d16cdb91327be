/**
 * The long form of `power_loss_test.ts`: as many points as asked for, with figures.
 *
 * Usage: deno task test:power [POINTS]
 *
 * @module
 */
import { losePower } from "./power_loss.ts";

const points = Number(Deno.args[0] ?? 100);
let told = 0;
const { acknowledged, lostBytes, kinds, faults } = await losePower({
  points,
  pointsPerMoment: 10,
  momentsPerLife: 10,
}, (count) => {
  if (count - told < 100) return;
  told = count;
  say(`${count} losses of power so far`);
});
const lost = (lostBytes / points / 1024).toFixed(0);
say(
  `${points} losses of power: ${acknowledged} acknowledged records looked for, ${lost} KiB of log lost each; ${faults.length} faults`,
);
for (const [kind, count] of kinds) say(`  ${count} times: ${kind}`);
for (const fault of faults.slice(0, 20)) say(fault);
const failed = faults.length > 0 || acknowledged === 0;
say(failed ? "0 passed, 1 failed" : "1 passed, 0 failed");
Deno.exit(failed ? 1 : 0);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
