// Real time: it tells how long real kills of a real process took.
/**
 * Kills under load while the cleaner works, as often as asked for, with figures. See `kill_cleaning.ts`.
 *
 * Usage: deno task test:kill:cleaning [KILLS] [RECORDS]
 *
 * @module
 */
import { killWhileCleaning } from "./kill_cleaning.ts";

const kills = Number(Deno.args[0] ?? 10);
const recordsMin = Number(Deno.args[1] ?? 10_000);
const startMs = performance.now();
const report = await killWhileCleaning({
  kills,
  recordsMin,
  lifeMs: [300, 2500],
  producers: 4,
  windowMax: 400,
  perSecondMax: 1_000,
});
const { acknowledged, stored, killsWhileCleaning, cleanedSegments, retired, compactedAway } =
  report;
const { lost, duplicated, reordered, wrong, complaints } = report;
const faults = { lost, duplicated, reordered, wrong, complaints };
const found = Object.entries(faults).map(([kind, list]) => `${list.length} ${kind}`).join(", ");
const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
say(`${report.kills} kills in ${minutes} min: ${acknowledged} records acknowledged; ${found}`);
say(
  `${killsWhileCleaning} kills hit the cleaner at work; it wrote ${cleanedSegments} segments anew, retention let ` +
    `${retired} offsets go, compaction ${compactedAway} records; ${stored} are stored`,
);
for (const [kind, list] of Object.entries(faults)) {
  for (const fault of list.slice(0, 10)) say(`${kind}: ${fault}`);
}
const idle = killsWhileCleaning === 0 || retired === 0 || compactedAway === 0;
if (idle) say("The cleaner had too little to do for this to mean anything");
const failed = idle || acknowledged < recordsMin ||
  Object.values(faults).some((list) => list.length > 0);
say(failed ? "0 passed, 1 failed" : "1 passed, 0 failed");
Deno.exit(failed ? 1 : 0);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
