import { FolderGoneError, type Kv, type KvFolder } from "../kv.ts";
import { Checkpointer } from "./checkpointer.ts";
import { DenoKv } from "./deno_kv.ts";
import { createWithLargePages } from "./page_size.ts";

/** The data folder is open elsewhere, in this process or another. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";

  constructor(path: string) {
    super(`Cannot use the data folder "${path}": another broker has it open`);
  }
}

/**
 * Opens (making it when absent) a data folder: one Deno KV file per store, `NAME.kv`, and the file `lock`, which the
 * operating system locks for as long as this process lives, however it ends.
 *
 * Permissions: `--allow-read` and `--allow-write` for the folder. With `--allow-sys=statfs` it can tell the free space.
 *
 * @throws FolderInUseError when another process, or this one, has the folder open
 * @throws Error when the path is of no use: a file, not to be written to, on a full disk
 */
export async function openDenoFolder(path: string): Promise<KvFolder> {
  const lock = await openLock(path);
  try {
    if (!await lock.tryLock(true)) throw new FolderInUseError(path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return new DenoFolder(path, lock);
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(path, { recursive: true });
    return await Deno.open(`${path}/lock`, { create: true, read: true, write: true });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot use the data folder "${path}": ${reason}`, { cause });
}

class DenoFolder implements KvFolder {
  readonly name: string;
  readonly #lock: Deno.FsFile;
  readonly #stores = new Map<string, Promise<DenoKv>>();
  readonly #checkpointer = new Checkpointer();
  #closed: Promise<void> | null = null;

  constructor(path: string, lock: Deno.FsFile) {
    this.name = path;
    this.#lock = lock;
  }

  async open(name: string): Promise<Kv> {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new RangeError(`Not a store's name: "${name}"`);
    if (this.#closed) throw new Error(`The folder ${this.name} is closed`);
    if (this.#stores.has(name)) {
      throw new Error(`Cannot open "${name}" of ${this.name}: it is open already`);
    }
    const store = this.#openStore(`${this.name}/${name}.kv`);
    this.#stores.set(name, store);
    return await store;
  }

  async freeBytes(): Promise<number | null> {
    if (!await this.#isThere()) throw new FolderGoneError(this.name);
    try {
      // Asked, never requested: a broker does not stop at a prompt for this.
      const permission = await Deno.permissions.query({ name: "sys", kind: "statfs" });
      if (permission.state !== "granted") return null;
      const { statfs } = await import("node:fs/promises");
      const { bavail, bsize } = await statfs(this.name);
      return bavail * bsize;
    } catch {
      return null;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#release();
    return this.#closed;
  }

  /** Whether the lock in the folder is still the one that was locked: open files outlive their names. */
  async #isThere(): Promise<boolean> {
    try {
      const [found, held] = await Promise.all([Deno.stat(`${this.name}/lock`), this.#lock.stat()]);
      return found.ino === held.ino && found.dev === held.dev;
    } catch (error) {
      return !(error instanceof Deno.errors.NotFound);
    }
  }

  async #openStore(path: string): Promise<DenoKv> {
    const writer = await this.#openWriter(path);
    try {
      const reader = await Deno.openKv(path);
      await this.#checkpointer.add(path);
      return new DenoKv({ writer, reader, onWrite: (bytes) => this.#checkpointer.wrote(bytes) });
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  async #openWriter(path: string): Promise<Deno.Kv> {
    try {
      await createWithLargePages(path);
      return await Deno.openKv(path);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  async #release(): Promise<void> {
    const stores = await Promise.allSettled(this.#stores.values());
    await Promise.all(stores.map((each) => each.status === "fulfilled" && each.value.close()));
    await this.#checkpointer.stop();
    // Closing the file unlocks it.
    this.#lock.close();
  }
}
