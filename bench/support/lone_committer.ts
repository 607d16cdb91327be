/**
 * A process that commits one thing at a time and tells how long each took, in ms, as JSON. It is apart from the process that
 * makes the load, whose own delays would be measured too.
 *
 * Usage: lone_committer.ts offsets PORT TOPIC SECONDS | raw FOLDER SECONDS
 *
 * @module
 */
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { key } from "../../storage/kv/key.ts";
import { millisOf } from "./figures.ts";
import { Committer } from "./group.ts";
import { environment } from "./wire.ts";

/** About what a commit of one offset adds to a store: a chunk with one batch, and HEAD. */
const CHUNK_BYTES = 220;
const HEAD_BYTES = 60;

const [kind, where, ...rest] = Deno.args;

async function timesOf(seconds: number, commit: () => Promise<unknown>): Promise<number[]> {
  await commit();
  const times: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) times.push(await millisOf(commit));
  return times;
}

async function offsetTimes(port: number, topic: string, seconds: number): Promise<number[]> {
  using committer = await Committer.dial(port, "lone", topic);
  return await timesOf(seconds, () => committer.commit());
}

/** A store of its own, with what a broker's has. */
async function rawTimes(path: string, seconds: number): Promise<number[]> {
  const folder = await openDenoFolder(path);
  const kv = await folder.open("raw");
  const chunk = environment.random.bytes(CHUNK_BYTES);
  const head = environment.random.bytes(HEAD_BYTES);
  let n = 0;
  const times = await timesOf(seconds, async () => {
    const sets = [{ key: key("head"), value: head }, { key: key("c", n++, 0), value: chunk }];
    const { kind } = await kv.commit({ sets });
    if (kind !== "ok") throw new Error(`A raw commit ended with ${kind}`);
  });
  await kv.close();
  await folder.close();
  return times;
}

const times = kind === "raw"
  ? await rawTimes(where, Number(rest[0]))
  : await offsetTimes(Number(where), rest[0], Number(rest[1]));
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(times)));
