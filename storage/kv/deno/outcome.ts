import type { KvOutcome } from "../kv.ts";

/** SQLITE_BUSY: another connection kept the write lock; a transaction takes it before it writes. */
const LOCKED_OUT = /database is locked|database table is locked/i;

/**
 * What else SQLite says when it gave a transaction up whole, in the words that reach us through Deno KV:
 * - `database or disk is full` (SQLITE_FULL): the frames did not fit; the commit frame is the last of them.
 * - `attempt to write a readonly database` (SQLITE_READONLY): found before anything is written.
 * - `Bad resource ID`: the handle was closed, SQLite never heard of it.
 */
const SURELY_NOT_APPLIED = /database or disk is full|readonly database|Bad resource ID/i;

/** Whether another connection kept the write lock. */
export function isLockedOut({ message }: Error): boolean {
  return LOCKED_OUT.test(message);
}

/**
 * What became of a commit that threw: `refused` only where it is sure that nothing was applied. All else, an I/O error
 * in the middle of an fsync above all, is `unknown`.
 */
export function outcomeOfError(thrown: unknown): KvOutcome {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const refused = isLockedOut(error) || SURELY_NOT_APPLIED.test(error.message);
  return { kind: refused ? "refused" : "unknown", error };
}
