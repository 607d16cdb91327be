import type { Pending } from "./prototype.ts";

/** Where a batch lies in the bytes of a commit. */
export interface Entry {
  readonly partition: number;
  readonly start: number;
  readonly length: number;
}

const COUNT_BYTES = 8;
const ENTRY_BYTES = 24;

/** The bytes of a commit that mixes partitions: length, number of batches, a directory of them, and the batches. */
export function packed(taken: readonly Pending[]): { bytes: Uint8Array; entries: Entry[] } {
  let at = COUNT_BYTES + ENTRY_BYTES * taken.length;
  const bytes = new Uint8Array(taken.reduce((sum, { batch }) => sum + batch.length, at));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, taken.length);
  const entries = taken.map(({ partition, batch }, index) => {
    const entry = { partition, start: at, length: batch.length };
    const position = COUNT_BYTES + ENTRY_BYTES * index;
    view.setUint32(position, partition);
    view.setUint32(position + 4, at);
    view.setUint32(position + 8, batch.length);
    // Room for offsets and a timestamp, as a real directory has.
    bytes.set(batch, at);
    at += batch.length;
    return entry;
  });
  return { bytes, entries };
}

/** The directory of a commit from its first bytes. */
export function unpackDirectory(bytes: Uint8Array): { length: number; entries: Entry[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = Array.from({ length: view.getUint32(4) }, (_, index) => {
    const position = COUNT_BYTES + ENTRY_BYTES * index;
    return {
      partition: view.getUint32(position),
      start: view.getUint32(position + 4),
      length: view.getUint32(position + 8),
    };
  });
  return { length: view.getUint32(0), entries };
}
