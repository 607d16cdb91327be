import type { Kv, KvCommit, KvEntry, KvLimits, KvOutcome, KvRange } from "../kv.ts";
import { commitCost, DENO_KV_LIMITS, excessOf, requireGet, requireList } from "../limits.ts";
import { isLockedOut, outcomeOfError } from "./outcome.ts";

/**
 * Milliseconds for which a commit is tried again that meets a lock, and between two tries; the first ones follow at once.
 *
 * Once a minute Deno KV looks for expired keys through every handle of a file, the reading one too, and has the write lock for
 * a moment then. A commit that has checked something does not wait for a lock: SQLite gives up where a transaction that
 * has read begins to write. (One without checks waits, for five seconds.)
 */
const LOCKED_OUT_MS_MAX = 500;
const LOCKED_OUT_PAUSE_MS = 2;
const TRIED_AT_ONCE = 20;

/** What a {@linkcode DenoKv} works on. */
export interface DenoKvHandles {
  /** The one handle of this file that writes: two would meet `database is locked`. */
  readonly writer: Deno.Kv;
  /** Reads have a handle of their own, or they would queue behind every fsync. */
  readonly reader: Deno.Kv;
  /** Called with the bytes of each commit that was applied. */
  readonly onWrite?: (bytes: number) => void;
}

/** A {@linkcode Kv} over a Deno KV file. A key is one part, the bytes; a value is bytes, unserialised. */
export class DenoKv implements Kv {
  readonly limits: KvLimits = DENO_KV_LIMITS;
  readonly #handles: DenoKvHandles;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed: Promise<void> | null = null;

  constructor(handles: DenoKvHandles) {
    this.#handles = handles;
  }

  async get(keys: readonly Uint8Array[]): Promise<(KvEntry | null)[]> {
    this.#requireOpen();
    requireGet(keys, this.limits);
    if (keys.length === 0) return [];
    const read = this.#handles.reader.getMany<Uint8Array[]>(keys.map((key) => [key]));
    const found = await this.#track(read);
    return found.map((each) => each.versionstamp === null ? null : entryOf(each));
  }

  async list(
    { start, end }: KvRange,
    { limit, reverse = false }: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<KvEntry[]> {
    this.#requireOpen();
    requireList({ start, end }, limit, this.limits);
    const selector = { start: [start], end: [end] };
    // One batch is one read transaction.
    const options = { limit, reverse, batchSize: limit };
    const found = this.#handles.reader.list<Uint8Array>(selector, options);
    return await this.#track(Array.fromAsync(found, entryOf));
  }

  commit(commit: KvCommit): Promise<KvOutcome> {
    if (this.#closed) return refused(new Error("The store is closed"));
    const cost = commitCost(commit);
    const excess = excessOf(cost, this.limits);
    if (excess) return refused(excess);
    return this.#track(this.#commit(commit, cost.bytes));
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled([...this.#inFlight]).then(() => {
      this.#handles.writer.close();
      this.#handles.reader.close();
    });
    return this.#closed;
  }

  async #commit(commit: KvCommit, bytes: number): Promise<KvOutcome> {
    const deadlineMs = performance.now() + LOCKED_OUT_MS_MAX;
    for (let tries = 1;; tries++) {
      const outcome = await this.#write(commit, bytes);
      const lockedOut = outcome.kind === "refused" && isLockedOut(outcome.error);
      if (!lockedOut || performance.now() >= deadlineMs) return outcome;
      const delayMs = tries < TRIED_AT_ONCE ? 0 : LOCKED_OUT_PAUSE_MS;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }

  async #write(
    { checks = [], sets = [], deletes = [] }: KvCommit,
    bytes: number,
  ): Promise<KvOutcome> {
    try {
      const atomic = this.#handles.writer.atomic();
      for (const { key, version } of checks) atomic.check({ key: [key], versionstamp: version });
      for (const { key, value } of sets) atomic.set([key], value);
      for (const key of deletes) atomic.delete([key]);
      // Deno copies keys and values before commit() returns its promise.
      const result = await atomic.commit();
      if (!result.ok) return { kind: "conflict" };
      this.#handles.onWrite?.(bytes);
      return { kind: "ok", version: result.versionstamp };
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(work);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new Error("The store is closed");
  }
}

function entryOf({ key, value, versionstamp }: Deno.KvEntry<unknown>): KvEntry {
  const [bytes] = key;
  if (key.length !== 1 || !(bytes instanceof Uint8Array) || !(value instanceof Uint8Array)) {
    throw new TypeError("The store holds an entry that is not bytes: something else wrote to it");
  }
  return { key: bytes, value, version: versionstamp };
}

function refused(error: Error): Promise<KvOutcome> {
  return Promise.resolve({ kind: "refused", error });
}
