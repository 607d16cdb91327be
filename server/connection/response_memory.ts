/** However little is left, an answer may have this many bytes: others get on beside clients that do not read. */
const SHARE_BYTES_MIN = 64 * 1024;
/** One answer gets at most this part of what is left. */
const SHARE_PARTS = 4;

/**
 * The memory for answers that are being made or that clients have not read yet, shared by all connections of a server.
 * Nobody waits for it: when it runs low, Fetch answers become smaller.
 */
export class ResponseMemory {
  #heldBytes = 0;
  #sharedBytes = 0;

  constructor(private readonly bytesMax: number, private readonly onContested: () => void) {}

  /** Bytes of answers that wait for their clients. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes that answers have which are being made, or may come to have. */
  get sharedBytes(): number {
    return this.#sharedBytes;
  }

  /** Whether so much is held that clients that do not read have to go. */
  get contested(): boolean {
    return this.#heldBytes > this.bytesMax / 2;
  }

  /** Whether nothing is left: then no batch is read that goes beyond an answer's share. */
  get exhausted(): boolean {
    return this.#heldBytes + this.#sharedBytes >= this.bytesMax;
  }

  /** A share for one answer, empty at first. */
  share(): AnswerShare {
    let bytes = 0;
    const set = (next: number) => {
      this.#sharedBytes += next - bytes;
      return bytes = next;
    };
    return {
      take: (bytesMax) => {
        set(0);
        const left = this.bytesMax - this.#heldBytes - this.#sharedBytes;
        return set(Math.min(bytesMax, Math.max(SHARE_BYTES_MIN, Math.floor(left / SHARE_PARTS))));
      },
      use: (bytes) => void set(bytes),
      release: () => void set(0),
    };
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

/** What one answer has of the response memory until it is queued, and counted there. */
export interface AnswerShare {
  /** Takes what the records of the answer may have, but no more than `bytesMax`, and returns it: in place of what it had. */
  take(bytesMax: number): number;
  /** The records have `bytes`, and will not have more. */
  use(bytes: number): void;
  /** Gives everything back. Idempotent. */
  release(): void;
}
