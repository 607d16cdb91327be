/**
 * Gives the disk back what a store does not use any more: SQLite uses the pages of deleted values again, but its file never
 * gets smaller, and `VACUUM` is not to be had within Deno.
 *
 * @module
 */
import { checksum } from "../../checksum.ts";
import type { Kv, KvEntry } from "../kv.ts";
import { listAll } from "../list_all.ts";
import { commitCost, excessOf } from "../limits.ts";
import { DenoKv } from "./deno_kv.ts";
import { createWithLargePages } from "./page_size.ts";

/** What a store has taken, and takes now. */
export interface Shrunk {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff, 0xff) };
/** Values are up to 64 KiB. */
const PAGE_ENTRIES = 50;
const COMMIT_BYTES = 600_000;

/**
 * Copies a store that nobody has open to a new file, compares the two, and puts the new one in the place of the old. A crash
 * leaves either of them. The disk has to have room for what is copied.
 *
 * @throws Error when the disk is full or the copy is not the same: the store is then as it was.
 */
export async function shrinkStore(path: string): Promise<Shrunk> {
  const fresh = `${path}.new`;
  await removeStore(fresh); // of one that was cut off
  try {
    const beforeBytes = await sizeOf(path);
    await using stores = new AsyncDisposableStack();
    const [from, to] = await Promise.all(
      [path, fresh].map(async (each) => stores.adopt(await openStore(each), (kv) => kv.close())),
    );
    await copy(from, to);
    if (await digestOf(from) !== await digestOf(to)) {
      throw new Error(`${fresh} is not the same as ${path}`);
    }
    await stores.disposeAsync(); // SQLite moves what is in its write-ahead log, and deletes it
    for (const each of [path, fresh]) await requireNoLog(each);
    await sync(fresh);
    await Deno.rename(fresh, path);
    return { beforeBytes, afterBytes: await sizeOf(path) };
  } catch (error) {
    await removeStore(fresh);
    throw error;
  }
}

async function openStore(path: string): Promise<Kv> {
  await createWithLargePages(path);
  return new DenoKv({ writer: await Deno.openKv(path), reader: await Deno.openKv(path) });
}

async function copy(from: Kv, to: Kv): Promise<void> {
  let sets: KvEntry[] = [];
  const flush = async () => {
    const outcome = await to.commit({ sets });
    if (outcome.kind !== "ok") {
      throw new Error(`The copy was not taken: ${outcome.kind}`, {
        cause: "error" in outcome ? outcome.error : undefined,
      });
    }
    sets = [];
  };
  for await (const entry of listAll(from, ALL, PAGE_ENTRIES)) {
    const cost = commitCost({ sets: [...sets, entry] });
    if (sets.length > 0 && (cost.bytes > COMMIT_BYTES || excessOf(cost, to.limits))) await flush();
    sets.push(entry);
  }
  if (sets.length > 0) await flush();
}

/** Of all keys and values, and how many there are. */
async function digestOf(kv: Kv): Promise<string> {
  let [entries, bytes, sum] = [0, 0, 0];
  for await (const { key, value } of listAll(kv, ALL, PAGE_ENTRIES)) {
    entries++;
    bytes += key.length + value.length;
    sum = checksum(value, 0, value.length, checksum(key, 0, key.length, sum));
  }
  return `${entries} entries, ${bytes} bytes, ${sum}`;
}

async function requireNoLog(path: string): Promise<void> {
  if (await sizeOf(`${path}-wal`) > 0) throw new Error(`${path} is still in use`);
}

async function sync(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

async function removeStore(path: string): Promise<void> {
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    await Deno.remove(name).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
