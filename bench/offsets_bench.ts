/**
 * How soon groups answer after `kill -9`: offsets are committed one at a time, each many times, over many connections; the
 * broker is killed as soon as the last commit is acknowledged; then it is started again and every group is asked until it
 * answers. Each start gets the folder as the kill has left it.
 *
 * Usage: deno task bench:offsets [live offsets] [commits of each] [groups] [starts]
 *
 * @module
 */
import { ERROR_CODES } from "../protocol/errors.ts";
import { offsetFetchRequest, offsetFetchResponse } from "../protocol/messages/09_offset_fetch.ts";
import { sleep } from "../environment/sleep.ts";
import { WireClient } from "../tests/server/support.ts";
import { Serving } from "../tests/cli/process.ts";
import { at, cpuSeconds, millisOf, residentMb, say, spread } from "./support/figures.ts";
import { prepare } from "./support/group.ts";
import { CommitFrame, commitInWindows } from "./support/commit_frames.ts";
import { environment, Wire } from "./support/wire.ts";

const offsets = Number(Deno.args[0] ?? 100_000);
const commitsOfEach = Number(Deno.args[1] ?? 20);
const groups = Number(Deno.args[2] ?? 100);
const starts = Number(Deno.args[3] ?? 5);
const TOPIC = "data";
const CONNECTIONS = 250;
/** Unanswered requests of a connection: the broker works on one of them at a time, as always. */
const WINDOW = 4;
const FETCH_VERSION = 8;
const FETCH_CONNECTIONS = 4;
/** How long a group may take to answer at all. */
const ANSWER_MS_MAX = 60_000;
const LOADING = ERROR_CODES.COORDINATOR_LOAD_IN_PROGRESS.code;

const partitions = Math.ceil(offsets / groups);
const groupName = (group: number) => `group-${group}`;
/** What is committed for an offset in a round: others for each, so that a mix-up shows. */
const committed = (group: number, partition: number, round: number) =>
  BigInt(round) * 1_000_000_000n + BigInt(group * partitions + partition);

const serve = (data: string) => Serving.start("--listen", "127.0.0.1:0", "--data", data);

/** Every offset, `commitsOfEach` times: groups take turns, and each offset is always committed by the same connection. */
async function burst(serving: Serving): Promise<void> {
  await prepare(serving.port, TOPIC, partitions);
  const startCpu = cpuSeconds(serving.pid);
  const count = groups * partitions * commitsOfEach;
  const ms = await millisOf(() =>
    Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => burstOver(serving.port, n)))
  );
  const cpu = cpuSeconds(serving.pid) - startCpu;
  say(
    `${count} commits of one offset each, ${groups} groups, ${partitions} partitions, ${CONNECTIONS} connections: ` +
      `${(ms / 1000).toFixed(0)} s, ${Math.round(count / ms * 1000)} per second, ` +
      `${Math.round(count / cpu)} per second of the broker's processor, of which it had ` +
      `${(cpu / ms * 1000).toFixed(2)}; ` +
      `${residentMb(serving.pid).toFixed(0)} MB resident at the end`,
  );
}

async function burstOver(port: number, connection: number): Promise<void> {
  using wire = await Wire.dial(port);
  const cells: { readonly group: number; readonly partition: number }[] = [];
  for (let n = connection; n < groups * partitions; n += CONNECTIONS) {
    cells.push({ group: n % groups, partition: Math.floor(n / groups) });
  }
  const frames = cells.map(({ group, partition }) =>
    new CommitFrame(groupName(group), TOPIC, partition)
  );
  for (let round = 0; round < commitsOfEach; round++) {
    frames.forEach((frame, n) => {
      frame.offset = committed(cells[n].group, cells[n].partition, round);
    });
    await commitInWindows(wire, frames, WINDOW);
  }
}

/** Asks for one offset of a group until it is answered. Returns the answer. */
async function askUntilAnswered(client: WireClient, group: number): Promise<void> {
  const partition = group % partitions;
  const endMs = performance.now() + ANSWER_MS_MAX;
  while (performance.now() < endMs) {
    const answer = await client.ask([offsetFetchRequest, offsetFetchResponse], FETCH_VERSION, {
      groups: [{
        groupId: groupName(group),
        topics: [{ name: TOPIC, partitionIndexes: [partition] }],
      }],
    });
    const [{ errorCode, topics }] = answer.groups;
    if (errorCode === 0) {
      requireCommitted(group, partition, topics[0].partitions[0].committedOffset);
      return;
    }
    if (errorCode !== LOADING) throw new Error(`OffsetFetch was answered ${errorCode}`);
    await sleep(environment, 5);
  }
  throw new Error(`${groupName(group)} did not answer in ${ANSWER_MS_MAX} ms`);
}

function requireCommitted(group: number, partition: number, found: bigint): void {
  const wanted = committed(group, partition, commitsOfEach - 1);
  if (found !== wanted) {
    throw new Error(`${groupName(group)} is at ${found} in partition ${partition}, not ${wanted}`);
  }
}

/** Compares every offset. */
async function checkAll(client: WireClient): Promise<void> {
  for (let group = 0; group < groups; group++) {
    const { groups: [{ topics }] } = await client.ask(
      [offsetFetchRequest, offsetFetchResponse],
      FETCH_VERSION,
      { groups: [{ groupId: groupName(group), topics: null }] },
    );
    const found = new Map(
      topics[0].partitions.map(({ partitionIndex, committedOffset }) =>
        [partitionIndex, committedOffset] as const
      ),
    );
    for (let partition = 0; partition < partitions; partition++) {
      requireCommitted(group, partition, found.get(partition) ?? -1n);
    }
  }
}

/** Milliseconds from the start of the process. */
interface StartTimes {
  readonly listening: number;
  /** Of the broker's processor, until all groups have answered. */
  readonly processor: number;
  /** Of each group, in the order in which they answered. */
  readonly groups: readonly number[];
}

async function startTimes(data: string): Promise<StartTimes> {
  const startMs = performance.now();
  await using serving = await serve(data);
  const listening = performance.now() - startMs;
  const clients = await Promise.all(
    Array.from(
      { length: FETCH_CONNECTIONS },
      async () =>
        new WireClient(
          await environment.network.dial({ host: "127.0.0.1", port: serving.port }),
        ),
    ),
  );
  const times: number[] = [];
  // Each connection asks its groups in turn: who is not there yet does not hold the others up for long.
  await Promise.all(clients.map(async (client, n) => {
    for (let group = n; group < groups; group += FETCH_CONNECTIONS) {
      await askUntilAnswered(client, group);
      times.push(performance.now() - startMs);
    }
  }));
  const processor = cpuSeconds(serving.pid) * 1000;
  await checkAll(clients[0]);
  for (const client of clients) client[Symbol.dispose]();
  return { listening, processor, groups: times };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function folderMb(path: string): Promise<number> {
  let bytes = 0;
  for await (const { name } of Deno.readDir(path)) {
    bytes += (await Deno.stat(`${path}/${name}`)).size;
  }
  return bytes / 1_000_000;
}

const home = await Deno.makeTempDir({ prefix: "odradek-bench-offsets-" });
try {
  const killed = `${home}/killed`;
  {
    await using serving = await serve(killed);
    await burst(serving);
    await serving.stop("SIGKILL");
  }
  say(`The folder has ${(await folderMb(killed)).toFixed(0)} MB`);
  const found: StartTimes[] = [];
  for (let n = 0; n < starts; n++) {
    const data = `${home}/start-${n}`;
    await copyFolder(killed, data);
    found.push(await startTimes(data));
    await Deno.remove(data, { recursive: true });
  }
  const told = (of: (times: StartTimes) => number) => `${spread(found.map(of), 0)} ms`;
  say(`From the start of the process, ${starts} starts, each after the same kill:`);
  say(`  it listens after ${told(({ listening }) => listening)}`);
  say(`  the first group answers after ${told(({ groups }) => at(groups, 0))}`);
  say(`  half of the groups answer after ${told(({ groups }) => at(groups, 0.5))}`);
  say(`  all of the groups answer after ${told(({ groups }) => at(groups, 1))}`);
  say(`  which takes ${told(({ processor }) => processor)} of the broker's processor`);
  say(`All ${groups * partitions} offsets were compared after each start.`);
} finally {
  await Deno.remove(home, { recursive: true });
}
