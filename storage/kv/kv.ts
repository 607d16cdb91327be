/**
 * The small ordered key-value store that everything durable in this project is built on.
 *
 * Keys and values are bytes; keys are ordered byte by byte. Adapters exist for Deno KV and for memory; it is narrow
 * enough that a remote Deno KV or a SQL table can stand behind it. Only `storage/` talks to it.
 *
 * Whose bytes are whose: an adapter has taken what it needs of keys and values when `commit` returns its promise, so the
 * caller may reuse them at once. Entries that `get` and `list` answer may be shared: nobody writes to them.
 *
 * Keys are built with `key.ts`; their cost towards the limits is told by `keyBytes` and `commitCost` of `limits.ts`.
 * {@linkcode KvFolder} adapters: `memory/memory_folder.ts`, `deno/deno_folder.ts`.
 *
 * @module
 */

/** A stored entry. */
export interface KvEntry {
  /** At most `limits.keyBytesMax`. */
  readonly key: Uint8Array;
  /** At most `limits.valueBytesMax`. */
  readonly value: Uint8Array;
  /** Opaque version of the entry, for {@linkcode KvCheck}. Changes with every write of the key. */
  readonly version: string;
}

/** Holds only while `key` has exactly this version; `null` = while the key is absent. */
export interface KvCheck {
  /** Whose version is compared. */
  readonly key: Uint8Array;
  /** As a read gave it. */
  readonly version: string | null;
}

/** One atomic change. All of it is applied, durably, or none. */
export interface KvCommit {
  /** What has to hold. */
  readonly checks?: readonly KvCheck[];
  /** What is written, over what was there. */
  readonly sets?: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  /** What is removed; absent keys may be named. */
  readonly deletes?: readonly Uint8Array[];
}

/**
 * What became of a commit. `commit` never throws.
 * - `ok`: applied and on stable storage; `version` is the version of every key it set.
 * - `conflict`: a check did not hold (or, over a network, our own blind resend met our own write: read the key to tell).
 * - `refused`: surely not applied, for another reason (disk full, limits, closed).
 * - `unknown`: applied or not, nobody can tell from the answer.
 */
export type KvOutcome =
  | { readonly kind: "ok"; readonly version: string }
  | { readonly kind: "conflict" }
  | { readonly kind: "refused"; readonly error: Error }
  | { readonly kind: "unknown"; readonly error: Error };

/**
 * What one call may carry. A caller that exceeds a limit gets `refused` (commit) or a RangeError (reads). Key bytes are
 * the bytes as stored, see `keyBytes` in `limits.ts`.
 */
export interface KvLimits {
  /** Bytes of one key. */
  readonly keyBytesMax: number;
  /** Bytes of one value. */
  readonly valueBytesMax: number;
  /** Sum over a commit of value bytes plus twice the key bytes. */
  readonly commitBytesMax: number;
  /** Sum over a commit of key bytes, those of checks included. */
  readonly commitKeyBytesMax: number;
  /** Sets and deletes of a commit. */
  readonly commitMutationsMax: number;
  /** Checks of a commit. */
  readonly commitChecksMax: number;
  /** Keys of a get. */
  readonly getKeysMax: number;
  /** Entries of a list. */
  readonly listEntriesMax: number;
}

/** Keys from `start` (included) to `end` (left out). None when both are the same; `end` is never before `start`. */
export interface KvRange {
  /** The first key that is in. */
  readonly start: Uint8Array;
  /** The first key behind. */
  readonly end: Uint8Array;
}

/** An ordered key-value store with atomic commits. */
export interface Kv {
  /** What one call may carry. */
  readonly limits: KvLimits;
  /** The entries of up to `limits.getKeysMax` keys, in the order asked, from one consistent view. Throws on I/O errors. */
  get(keys: readonly Uint8Array[]): Promise<(KvEntry | null)[]>;
  /**
   * Up to `limit` (at most `limits.listEntriesMax`) entries of a range in key order, from one consistent view. Throws a
   * RangeError when the range ends before it starts.
   */
  list(
    range: KvRange,
    options: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<KvEntry[]>;
  /** Applies one atomic change. At most a few should be in flight: they queue behind each other. */
  commit(commit: KvCommit): Promise<KvOutcome>;
  /** Releases the store. Operations still in flight settle as they can. */
  close(): Promise<void>;
}

/** The stores still take writes, but nobody will ever find them: their files were deleted. */
export class FolderGoneError extends Error {
  /** As `Error` has it. */
  override readonly name = "FolderGoneError";

  /** `path`: where the folder was. */
  constructor(path: string) {
    super(`The data folder "${path}" was deleted`);
  }
}

/** A place that holds several named stores: one data folder, or one memory. */
export interface KvFolder {
  /** For messages: a path, or `memory:`. */
  readonly name: string;
  /** Opens (creating it when absent) the store `name`, e.g. `meta`, `log-0`. Once per name. */
  open(name: string): Promise<Kv>;
  /**
   * Free bytes where the stores live; `null` when it cannot be told.
   *
   * @throws FolderGoneError when what is written to the stores is in no folder any more
   */
  freeBytes(): Promise<number | null>;
  /** Releases the folder (and its lock), after its stores were closed. */
  close(): Promise<void>;
}
