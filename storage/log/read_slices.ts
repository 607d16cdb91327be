/** Buffers that wait to be copied from together hold about this at most. */
const WAITING_BYTES_MAX = 1024 * 1024;

/**
 * The bytes that one read gives out: views where they are half of the buffer that they lie in or more, copies where they are
 * less.
 *
 * A view keeps its whole buffer in memory until the client has read the answer, and a buffer is a whole chunk: where many
 * partitions share each chunk, views would hold a hundred times what they show. So what is given out holds at most twice its
 * length, whatever the cache keeps.
 */
export class ReadSlices {
  readonly #slices: Uint8Array[] = [];
  /** Stretches of one buffer, of which it is not known yet whether they are much of it. */
  #together: Uint8Array[] = [];
  #togetherBytes = 0;
  /** Stretches that will become one copy, and what their buffers hold. */
  #waiting: Uint8Array[] = [];
  #waitingBuffersBytes = 0;
  /** The last stretch, as long as it may grow. */
  #of: Uint8Array | null = null;
  #start = 0;
  #end = 0;

  /** Adds `bytes` from `start` to `end`. What lies side by side becomes one slice. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#of === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#endStretch();
    this.#of = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** All that was added, in order. Nothing can be added after. */
  finish(): readonly Uint8Array[] {
    this.#endStretch();
    this.#endBuffer();
    this.#copy();
    return this.#slices;
  }

  #endStretch(): void {
    if (this.#of === null) return;
    const stretch = this.#of.subarray(this.#start, this.#end);
    this.#of = null;
    if (this.#together.length > 0 && this.#together[0].buffer !== stretch.buffer) this.#endBuffer();
    this.#together.push(stretch);
    this.#togetherBytes += stretch.length;
  }

  #endBuffer(): void {
    if (this.#together.length === 0) return;
    const bufferBytes = this.#together[0].buffer.byteLength;
    if (this.#togetherBytes * 2 >= bufferBytes) {
      this.#copy();
      this.#slices.push(...this.#together);
    } else {
      this.#waiting.push(...this.#together);
      this.#waitingBuffersBytes += bufferBytes;
      if (this.#waitingBuffersBytes >= WAITING_BYTES_MAX) this.#copy();
    }
    this.#together = [];
    this.#togetherBytes = 0;
  }

  #copy(): void {
    if (this.#waiting.length === 0) return;
    const copy = new Uint8Array(this.#waiting.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const stretch of this.#waiting) {
      copy.set(stretch, at);
      at += stretch.length;
    }
    this.#slices.push(copy);
    this.#waiting = [];
    this.#waitingBuffersBytes = 0;
  }
}
