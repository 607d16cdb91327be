/** Memory for chunks: each is filled in a region of the largest size, and gives back what it did not need. */
export class ChunkArena {
  readonly #regionBytes: number;
  readonly #blockBytes: number;
  #block: Uint8Array;
  #used = 0;

  /** @param regionBytes the most that one chunk can have. */
  constructor(regionBytes: number) {
    this.#regionBytes = regionBytes;
    this.#blockBytes = regionBytes * 16;
    this.#block = new Uint8Array(0);
  }

  /** A region to fill. The one before must have been kept. */
  take(): Uint8Array {
    if (this.#block.length - this.#used < this.#regionBytes) {
      this.#block = new Uint8Array(this.#blockBytes);
      this.#used = 0;
    }
    return this.#block.subarray(this.#used, this.#used + this.#regionBytes);
  }

  /** The last region taken is complete: `bytes` of it are used. The rest serves the next one. */
  keep(bytes: number): void {
    this.#used += Math.ceil(bytes / 8) * 8;
  }
}
