/**
 * Consumer groups: heartbeats and commits per second of one core, the time of a rebalance, and commits while producers
 * saturate the data files.
 *
 * Usage: deno task bench:groups [seconds per figure] [rounds]
 *
 * The load comes from this process, so that broker and load share the machine's cores; rates are told per second of the
 * broker's processor time.
 *
 * @module
 */
import { Serving } from "../tests/cli/process.ts";
import { at, cpuSeconds, millisOf, say, spread } from "./support/figures.ts";
import { BareMember, Committer, prepare } from "./support/group.ts";
import { batchOf, produceAll, produceFrame, Wire } from "./support/wire.ts";

const seconds = Number(Deno.args[0] ?? 5);
const rounds = Number(Deno.args[1] ?? 5);
const TOPIC = "data";
const PARTITIONS = 16;
const MEMBER_COUNTS = [1, 10, 100];
const HEARTBEAT_WINDOW = 50;
const COMMITTERS = 64;
const PRODUCERS = 4;

/** Runs until the time is up; returns how often. */
async function repeat(turn: () => Promise<unknown>): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let count = 0;
  for (; performance.now() < endMs; count++) await turn();
  return count;
}

/** `… per second, … per second of the broker's processor, of which it had …`: a busy machine gives it less than it could use. */
async function rate(serving: Serving, load: () => Promise<number>): Promise<string> {
  const startCpu = cpuSeconds(serving.pid);
  let count = 0;
  const ms = await millisOf(async () => void (count = await load()));
  const cpu = cpuSeconds(serving.pid) - startCpu;
  return `${Math.round(count / ms * 1000)} per second, ${Math.round(count / cpu)} per second of ` +
    `the broker's processor, of which it had ${(cpu / ms * 1000).toFixed(2)}`;
}

async function benchHeartbeats(serving: Serving): Promise<void> {
  using member = await BareMember.dial(serving.port, "heartbeats");
  await member.share();
  const frame = member.heartbeatFrame();
  using wire = await Wire.dial(serving.port);
  const windows = await rate(serving, async () => {
    const count = await repeat(async () => {
      for (let n = 0; n < HEARTBEAT_WINDOW; n++) await wire.send(frame);
      for (let n = 0; n < HEARTBEAT_WINDOW; n++) await wire.receive();
    });
    return count * HEARTBEAT_WINDOW;
  });
  say(`Heartbeats: ${windows}`);
}

async function dialCommitters(port: number, count: number): Promise<Committer[]> {
  return await Promise.all(
    Array.from({ length: count }, (_, n) => Committer.dial(port, `committer-${n}`, TOPIC)),
  );
}

async function benchCommits(serving: Serving): Promise<void> {
  const committers = await dialCommitters(serving.port, COMMITTERS);
  const commits = await rate(serving, async () => {
    const counts = await Promise.all(
      committers.map((committer) => repeat(() => committer.commit())),
    );
    return counts.reduce((sum, count) => sum + count);
  });
  say(`Commits of one offset, ${COMMITTERS} connections: ${commits}`);
  for (const committer of committers) committer[Symbol.dispose]();
}

async function benchRebalance(port: number): Promise<void> {
  for (const count of MEMBER_COUNTS) {
    const members = await Promise.all(
      Array.from({ length: count }, () => BareMember.dial(port, `rebalance-${count}`)),
    );
    const everybody = () => Promise.all(members.map((member) => member.share()));
    const first = await millisOf(everybody);
    const again: number[] = [];
    for (let round = 0; round < rounds; round++) again.push(await millisOf(everybody));
    say(
      `Join to assignment, ${count} members: ${spread(again, 1)} ms; the first time, with ` +
        `their ids: ${first.toFixed(1)} ms`,
    );
    for (const member of members) member[Symbol.dispose]();
  }
}

/** How long the commits of a process took that commits one at a time: see `support/lone_committer.ts`. */
async function loneCommits(...args: readonly string[]): Promise<number[]> {
  const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  const script = new URL("./support/lone_committer.ts", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--unstable-kv", ...permissions, script, ...args, `${seconds}`],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`The committer has failed: ${args.join(" ")}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

const quantiles = (times: readonly number[]) =>
  `p50 ${at(times, 0.5).toFixed(2)} ms, p99 ${at(times, 0.99).toFixed(1)} ms (${times.length})`;

/** What it takes to commit one thing at a time: through the broker, and straight into a store beside it. */
async function sayCommits(port: number, scratch: string): Promise<void> {
  const raw = await loneCommits("raw", scratch);
  const offsets = await loneCommits("offsets", `${port}`, TOPIC);
  const ratio = (share: number) => (at(offsets, share) / at(raw, share)).toFixed(1);
  say(`  a raw commit from another process: ${quantiles(raw)}`);
  say(`  OffsetCommit: ${quantiles(offsets)}; × raw: p50 ${ratio(0.5)}, p99 ${ratio(0.99)}`);
}

/** Produces as fast as it goes until `over` says so; returns the bytes. */
async function produceUntil(port: number, over: () => boolean): Promise<number> {
  const batch = batchOf(64_000);
  const frames = Array.from(
    { length: PARTITIONS },
    (_, partition) => produceFrame(TOPIC, [partition], batch),
  );
  let bytes = 0;
  await Promise.all(Array.from({ length: PRODUCERS }, async () => {
    using wire = await Wire.dial(port);
    while (!over()) {
      await produceAll(wire, frames, 50, 5);
      bytes += 50 * batch.length;
    }
  }));
  return bytes;
}

async function benchBesideProduce(port: number, scratch: string): Promise<void> {
  say("One commit at a time, nothing else:");
  await sayCommits(port, scratch);
  say("The same while producers saturate the data files:");
  let over = false;
  const producing = produceUntil(port, () => over);
  const ms = await millisOf(() => sayCommits(port, scratch));
  over = true;
  say(`  meanwhile ${((await producing) / ms / 1000).toFixed(0)} MB/s were produced`);
}

const home = await Deno.makeTempDir({ prefix: "odradek-bench-groups-" });
const [data, scratch] = [`${home}/data`, `${home}/scratch`];
try {
  const settings = ["--set", "group.initial.rebalance.delay.ms=0"];
  await using serving = await Serving.start("--listen", "127.0.0.1:0", "--data", data, ...settings);
  await prepare(serving.port, TOPIC, PARTITIONS);
  await benchHeartbeats(serving);
  await benchCommits(serving);
  await benchRebalance(serving.port);
  await benchBesideProduce(serving.port, scratch);
} finally {
  await Deno.remove(home, { recursive: true });
}
