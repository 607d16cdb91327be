/**
 * The long form of `kill_test.ts`: as many kills as asked for, with figures.
 *
 * Usage: deno task test:kill [KILLS]
 *
 * @module
 */
import { killRepeatedly } from "./kill.ts";

const kills = Number(Deno.args[0] ?? 20);
const { acknowledged, stored, startsMs, ...faults } = await killRepeatedly({
  kills,
  lifeMs: [300, 1500],
  topics: 3,
  partitionsPerTopic: 4,
  producers: 3,
  windowMax: 1000,
});
const sorted = startsMs.toSorted((a, b) => a - b).map(Math.round);
const found = Object.entries(faults).map(([kind, list]) => `${list.length} ${kind}`).join(", ");
say(`${kills} kills: ${acknowledged} records acknowledged, ${stored} stored; ${found}`);
say(`process start to ready: median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`);
for (const list of Object.values(faults)) for (const fault of list.slice(0, 10)) say(fault);
const failed = Object.values(faults).some((list) => list.length > 0) || acknowledged === 0;
say(failed ? "0 passed, 1 failed" : "1 passed, 0 failed");
Deno.exit(failed ? 1 : 0);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
