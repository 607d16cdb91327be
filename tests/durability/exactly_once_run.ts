/**
 * Exactly once through kills of broker and workers, with figures.
 *
 * Usage: deno task test:exactly-once [RECORDS] [KILLS] [KIND=COUNT…]; kinds are odradek, kafkajs and java, which needs what
 * `deno task test:compat java_tools` installs.
 *
 * @module
 */
import { exactlyOnce } from "./exactly_once/run.ts";

const [records = "10000", kills = "5", ...kinds] = Deno.args;
const workers = kinds.length === 0
  ? { odradek: 3, kafkajs: 1 }
  : Object.fromEntries(kinds.map((kind) => kind.split("=")).map(([kind, n]) => [kind, Number(n)]));
const report = await exactlyOnce(
  { records: Number(records), kills: Number(kills), workers },
  say,
);
const killed = Object.entries(report.kills).map(([name, count]) => `${name} ${count}`).join(", ");
say(`${records} records, killed: ${killed}; ${Math.round(report.seconds)} s`);
for (const [cause, count] of report.deaths) say(`died ${count} times by itself: ${cause}`);
let failed = report.hanging.length > 0;
for (const [kind, { committed, hidden, ...faults }] of report.outputs) {
  const found = Object.entries(faults).map(([name, list]) => `${list.length} ${name}`).join(", ");
  say(`${kind}: ${committed} committed, ${hidden} of aborted transactions; ${found}`);
  for (const [name, list] of Object.entries(faults)) {
    if (list.length > 0) say(`${kind}, ${name}: ${list.slice(0, 10).join("; ")}`);
  }
  failed ||= committed !== Number(records) || Object.values(faults).some((list) => list.length > 0);
  // Otherwise it would not show that anything aborted stays hidden.
  failed ||= hidden === 0;
}
say(`${report.hanging.length} partitions with a transaction left open`);
for (const partition of report.hanging) say(partition);
say(failed ? "0 passed, 1 failed" : "1 passed, 0 failed");
Deno.exit(failed ? 1 : 0);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
