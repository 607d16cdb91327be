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

/** How large the pages of {@linkcode pagesOf} are. */
export interface PageBounds {
  /** Bytes of values, about; asked before each page. */
  readonly bytes: () => number;
  readonly entriesMax: number;
}

/**
 * The entries of a range in key order, in pages of about so many bytes, however large the values are: the first page fits
 * the largest ones, and a later one is as long as the one before lets expect, twice as long at most. Each page is one
 * consistent view; the whole is not.
 */
export async function* pagesOf(
  kv: Kv,
  range: KvRange,
  { bytes, entriesMax }: PageBounds,
): AsyncGenerator<readonly KvEntry[]> {
  const limitMax = Math.min(entriesMax, kv.limits.listEntriesMax);
  const limitOf = (wanted: number) => Math.max(1, Math.min(limitMax, Math.floor(wanted)));
  let { start } = range;
  for (let limit = limitOf(bytes() / kv.limits.valueBytesMax);;) {
    const page = await kv.list({ start, end: range.end }, { limit });
    if (page.length > 0) yield page;
    if (page.length < limit) return;
    start = after(page[page.length - 1].key);
    const foundBytes = page.reduce((sum, { value }) => sum + value.length, 0);
    limit = limitOf(limit * Math.min(2, bytes() / Math.max(1, foundBytes)));
  }
}

/** The smallest key that sorts behind `key`. */
export function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
