/** However little is left, an answer may have this many bytes: others get on beside clients that do not read. */
const SHARE_BYTES_MIN = 64 * 1024;
/** One answer gets at most this part of what is left. */
const SHARE_PARTS = 4;

/**
 * The memory for answers that clients have not read yet, shared by all connections of a server. Nobody waits for it: when
 * it runs low, Fetch answers become smaller.
 */
export class ResponseMemory {
  #heldBytes = 0;

  constructor(private readonly bytesMax: number, private readonly onContested: () => void) {}

  /** Bytes of answers that wait for their clients. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether so much is held that clients that do not read have to go. */
  get contested(): boolean {
    return this.#heldBytes > this.bytesMax / 2;
  }

  /** How many bytes of records the next answer may have. */
  share(): number {
    const left = this.bytesMax - this.#heldBytes;
    return Math.max(SHARE_BYTES_MIN, Math.floor(left / SHARE_PARTS));
  }

  add(bytes: number): void {
    const before = this.contested;
    this.#heldBytes += bytes;
    if (this.contested && !before) this.onContested();
  }

  remove(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
