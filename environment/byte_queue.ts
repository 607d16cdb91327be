/**
 * Bytes on their way from a writer to a reader, held as the chunks they came in. A chunk pushed is borrowed: it belongs to
 * the writer until {@linkcode ByteQueue.own} has copied what is left of it.
 */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** So many chunks at the front are copies. */
  #owned = 0;

  /** How many bytes are in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a chunk at the end. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Moves bytes from the front into `buffer`, as many as fit, and returns how many. */
  take(buffer: Uint8Array): number {
    let count = 0;
    let used = 0;
    while (used < this.#chunks.length && count < buffer.length) {
      const chunk = this.#chunks[used];
      const room = buffer.length - count;
      if (chunk.length <= room) {
        buffer.set(chunk, count);
        count += chunk.length;
        used++;
      } else {
        buffer.set(chunk.subarray(0, room), count);
        this.#chunks[used] = chunk.subarray(room);
        count += room;
      }
    }
    if (used > 0) this.#chunks.splice(0, used);
    this.#owned = Math.max(0, this.#owned - used);
    this.#bytes -= count;
    return count;
  }

  /** Copies what is borrowed, so that the writer may change it. */
  own(): void {
    for (let index = this.#owned; index < this.#chunks.length; index++) {
      this.#chunks[index] = this.#chunks[index].slice();
    }
    this.#owned = this.#chunks.length;
  }

  /** Forgets what is borrowed. */
  dropBorrowed(): void {
    for (const chunk of this.#chunks.splice(this.#owned)) this.#bytes -= chunk.length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#owned = 0;
  }
}
