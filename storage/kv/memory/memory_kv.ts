import type { Kv, KvCommit, KvEntry, KvLimits, KvOutcome, KvRange } from "../kv.ts";
import { commitCost, excessOf, requireGet, requireList } from "../limits.ts";
import { SortedKeys } from "./sorted_keys.ts";

/** The entries of one in-memory store; outlives the {@linkcode MemoryKv} handles on it, as a file outlives a process. */
export class MemoryTable {
  /** By key, one character per byte: strings of that form compare as the bytes do. */
  readonly entries: Map<string, KvEntry> = new Map();
  readonly keys: SortedKeys = new SortedKeys();
  /** Key and value bytes stored. */
  bytes = 0;
  commits = 0;

  set(name: string, entry: KvEntry): void {
    const old = this.entries.get(name);
    if (old) this.bytes -= entryBytes(old);
    else this.keys.add(name);
    this.entries.set(name, entry);
    this.bytes += entryBytes(entry);
  }

  delete(name: string): void {
    const old = this.entries.get(name);
    if (!old) return;
    this.bytes -= entryBytes(old);
    this.entries.delete(name);
    this.keys.remove(name);
  }
}

/** What a {@linkcode MemoryKv} asks of the folder that opened it. */
export interface MemoryKvOwner {
  /** Why the handle is of no use any more; `null` while it is. */
  closed(): Error | null;
  /** Whether so many more bytes fit. */
  fits(bytes: number): boolean;
}

/**
 * An in-memory {@linkcode Kv} with the limits of Deno KV. Each call takes effect, whole, before it returns its promise, so
 * calls are strictly serialised; wrappers that delay, lose or repeat answers stand around it.
 */
export class MemoryKv implements Kv {
  readonly limits: KvLimits;
  #table: MemoryTable;
  #owner: MemoryKvOwner;
  #closed = false;

  constructor(table: MemoryTable, owner: MemoryKvOwner, limits: KvLimits) {
    this.#table = table;
    this.#owner = owner;
    this.limits = limits;
  }

  get(keys: readonly Uint8Array[]): Promise<(KvEntry | null)[]> {
    return this.#read(() => {
      requireGet(keys, this.limits);
      return keys.map((key) => this.#table.entries.get(nameOf(key)) ?? null);
    });
  }

  list(
    range: KvRange,
    { limit, reverse = false }: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<KvEntry[]> {
    return this.#read(() => {
      requireList(range, limit, this.limits);
      const { entries, keys } = this.#table;
      return keys.slice(nameOf(range.start), nameOf(range.end), limit, reverse)
        .map((name) => entries.get(name)!);
    });
  }

  commit(commit: KvCommit): Promise<KvOutcome> {
    return Promise.resolve(this.#apply(commit));
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #apply(commit: KvCommit): KvOutcome {
    const table = this.#table;
    const error = this.#unusable() ?? excessOf(commitCost(commit), this.limits);
    if (error) return { kind: "refused", error };
    const { checks = [], sets = [], deletes = [] } = commit;
    const holds = checks.every(({ key, version }) =>
      (table.entries.get(nameOf(key))?.version ?? null) === version
    );
    if (!holds) return { kind: "conflict" };
    if (sets.length > 0 && !this.#owner.fits(growth(table, commit))) {
      return { kind: "refused", error: new Error("Cannot commit: the memory disk is full") };
    }
    const version = (++table.commits).toString(16).padStart(20, "0");
    for (const { key, value } of sets) {
      table.set(nameOf(key), { key: key.slice(), value: value.slice(), version });
    }
    for (const key of deletes) table.delete(nameOf(key));
    return { kind: "ok", version };
  }

  #read<T>(answer: () => T): Promise<T> {
    try {
      const error = this.#unusable();
      return error ? Promise.reject(error) : Promise.resolve(answer());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #unusable(): Error | null {
    return this.#closed ? new Error("The store is closed") : this.#owner.closed();
  }
}

function growth(table: MemoryTable, { sets = [], deletes = [] }: KvCommit): number {
  let bytes = 0;
  for (const entry of sets) bytes += entryBytes(entry);
  for (const key of [...sets.map(({ key }) => key), ...deletes]) {
    const old = table.entries.get(nameOf(key));
    if (old) bytes -= entryBytes(old);
  }
  return bytes;
}

function entryBytes({ key, value }: { key: Uint8Array; value: Uint8Array }): number {
  return key.length + value.length;
}

function nameOf(key: Uint8Array): string {
  let name = "";
  for (let index = 0; index < key.length; index++) name += String.fromCharCode(key[index]);
  return name;
}
