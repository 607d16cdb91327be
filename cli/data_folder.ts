/**
 * A data folder that no broker is using, for the commands that look after it.
 *
 * @module
 */
import { openDenoFolder } from "../storage/kv/deno/deno_folder.ts";
import type { Kv } from "../storage/kv/kv.ts";
import { UsageError } from "./usage_error.ts";

/** The stores of a data folder, by name. Disposing it closes them and lets go of the folder. */
export interface OpenedFolder extends AsyncDisposable {
  readonly stores: ReadonlyMap<string, Kv>;
}

const SUFFIX = ".kv";

/**
 * Opens the stores that are there; makes none.
 *
 * @throws UsageError when there is no data, or a broker has it open.
 */
export async function openDataFolder(path: string): Promise<OpenedFolder> {
  const names = await storeNames(path);
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(await locked(path), (folder) => folder.close());
  const stores = new Map<string, Kv>();
  for (const name of names) {
    stores.set(name, opened.adopt(await openStore(folder, name, path), (kv) => kv.close()));
  }
  const stack = opened.move();
  return { stores, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/**
 * Calls `use` with the path of each store that is there, one after the other, while the folder is locked and none is open.
 *
 * @throws UsageError when there is no data, or a broker has it open.
 */
export async function withClosedStores(
  path: string,
  use: (store: string, name: string) => Promise<void>,
): Promise<void> {
  const names = await storeNames(path);
  const folder = await locked(path);
  try {
    for (const name of names) await use(`${path}/${name}${SUFFIX}`, name);
  } finally {
    await folder.close();
  }
}

async function storeNames(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile, isSymlink } of Deno.readDir(path)) {
      if ((isFile || isSymlink) && name.endsWith(SUFFIX)) names.push(name.slice(0, -SUFFIX.length));
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--data: cannot read ${path}: ${reason}`, { cause });
  }
  if (!names.includes("meta") && !names.includes("log-0")) {
    throw new UsageError(`--data: ${path} holds no data of a broker`);
  }
  // The metadata first: it names the topics.
  return names.sort((a, b) => Number(b === "meta") - Number(a === "meta") || (a < b ? -1 : 1));
}

async function locked(path: string) {
  try {
    return await openDenoFolder(path);
  } catch (cause) {
    throw new UsageError(`--data: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function openStore(
  folder: Awaited<ReturnType<typeof openDenoFolder>>,
  name: string,
  path: string,
): Promise<Kv> {
  try {
    return await folder.open(name);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${path}/${name}${SUFFIX} is no database any more (${reason}): only a copy of the folder helps`,
      { cause },
    );
  }
}
