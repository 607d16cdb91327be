/**
 * Memory for chunks: each is filled in a region of the largest size, and kept in a buffer of which it is half or more: so
 * whoever holds a view of a chunk holds little beside it.
 */
export class ChunkArena {
  readonly #regionBytes: number;
  #region: Uint8Array | null = null;

  /** @param regionBytes the most that one chunk can have. */
  constructor(regionBytes: number) {
    this.#regionBytes = regionBytes;
  }

  /** A region to fill, with anything in it. What was kept of the one before is not touched. */
  take(): Uint8Array {
    return this.#region ??= new Uint8Array(this.#regionBytes);
  }

  /** The chunk in the last region taken is complete: returns its bytes, to be kept. The region may be filled anew. */
  keep(bytes: Uint8Array): Uint8Array {
    if (bytes.length * 2 < this.#regionBytes) return bytes.slice();
    this.#region = null;
    return bytes;
  }
}
