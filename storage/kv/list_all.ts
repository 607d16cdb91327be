import type { Kv, KvEntry, KvRange } from "./kv.ts";

/** Entries of a page of small values. */
const PAGE_ENTRIES = 500;

/**
 * All entries of a range in key order, page by page. Each page is one consistent view; the whole is not.
 */
export async function* listAll(
  kv: Kv,
  range: KvRange,
  pageEntries: number = PAGE_ENTRIES,
): AsyncGenerator<KvEntry> {
  const limit = Math.min(pageEntries, kv.limits.listEntriesMax);
  let { start } = range;
  while (true) {
    const entries = await kv.list({ start, end: range.end }, { limit });
    yield* entries;
    if (entries.length < limit) return;
    start = after(entries[entries.length - 1].key);
  }
}

/** The smallest key that sorts behind `key`. */
export function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
