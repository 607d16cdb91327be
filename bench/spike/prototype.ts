/**
 * What the prototypes of the log layout have in common. They are measured, not used: no recovery, no limits, no errors.
 *
 * @module
 */

/** One way to lay the log out. */
export interface Prototype {
  /** Settles when the batch is on stable storage. */
  append(partition: number, batch: Uint8Array): Promise<void>;
  /** Reads all of a partition in the order of appending, in steps of about `stepBytes`; gives the bytes of each step. */
  read(partition: number, stepBytes: number): AsyncIterableIterator<number>;
  /** Writes everything anew in the order of partitions. Only where commits mix partitions. */
  clean?(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a layout in a folder; measures of start-up are measures of this. */
export type OpenPrototype = (folder: string) => Promise<Prototype>;

/** An append that waits for its commit. */
export interface Pending {
  readonly partition: number;
  readonly batch: Uint8Array;
  readonly done: () => void;
}

/** Four chains of commits, over two files, whatever the layout. */
export const SHARDS = 4;
export const FILES = 2;
export const COMMIT_BYTES_MAX = 700_000;
export const CHUNK_BYTES_MAX = 65_536;

/** Gathers what arrives while a commit is in flight, and commits it in one. */
export class GroupCommit {
  readonly #write: (taken: Pending[]) => Promise<void>;
  readonly #partitionsMax: number;
  readonly #bytesMax: number;
  #queue: Pending[] = [];
  #busy = false;

  constructor(
    write: (taken: Pending[]) => Promise<void>,
    { partitionsMax = Infinity, bytesMax = COMMIT_BYTES_MAX } = {},
  ) {
    this.#write = write;
    this.#partitionsMax = partitionsMax;
    this.#bytesMax = bytesMax;
  }

  append(partition: number, batch: Uint8Array): Promise<void> {
    return new Promise((done) => {
      this.#queue.push({ partition, batch, done });
      if (!this.#busy) this.#run();
    });
  }

  get waiting(): number {
    return this.#queue.length;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#queue.length > 0) {
      const taken = this.#take();
      await this.#write(taken);
      for (const { done } of taken) done();
      // Whoever waited appends again before the next commit is gathered.
      await Promise.resolve();
    }
    this.#busy = false;
  }

  #take(): Pending[] {
    const partitions = new Set<number>();
    let [count, bytes] = [0, 0];
    for (const { partition, batch } of this.#queue) {
      partitions.add(partition);
      bytes += batch.length + 12;
      if (count > 0 && (bytes > this.#bytesMax || partitions.size > this.#partitionsMax)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}

/** Slices of at most 64 KiB. */
export function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    chunks.push(bytes.subarray(at, at + CHUNK_BYTES_MAX));
  }
  return chunks;
}

/** What a summary is to a segment: beyond it, start-up replays. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
