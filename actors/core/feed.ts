/**
 * Feeds: what happens, told to whoever wants to know, without ever waiting for them.
 *
 * @module
 */

/** One reader of a feed. Ends when it is closed. */
export interface FeedReader<T> extends AsyncIterable<T> {
  /** Items that were dropped because this reader was too slow. */
  readonly lost: number;
  /** Stops reading: an iteration ends after what was gathered for it. */
  close(): void;
}

/** How a feed is read. */
export interface FeedOptions {
  /** Items kept for a reader that is slow; the oldest are dropped beyond. Default 1000. */
  readonly itemsMax?: number;
}

const READERS_MAX = 100;

/** Tells what happens to any number of readers, up to a hundred. */
export class Feed<T> {
  readonly #readers = new Set<Queue<T>>();

  /** Whether nobody reads: there is no need to make an item then. */
  get idle(): boolean {
    return this.#readers.size === 0;
  }

  /** Tells all readers. */
  publish(item: T): void {
    for (const reader of this.#readers) reader.push(item);
  }

  /**
   * Begins to read: what is published from now on.
   *
   * @throws RangeError when there are a hundred readers
   */
  read({ itemsMax = 1000 }: FeedOptions = {}): FeedReader<T> {
    if (this.#readers.size >= READERS_MAX) {
      throw new RangeError(`The feed has ${READERS_MAX} readers already`);
    }
    const queue: Queue<T> = new Queue(itemsMax, () => this.#readers.delete(queue));
    this.#readers.add(queue);
    return queue;
  }
}

class Queue<T> implements FeedReader<T> {
  #items: T[] = [];
  #lost = 0;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(private readonly itemsMax: number, private readonly onClosed: () => void) {}

  get lost(): number {
    return this.#lost;
  }

  push(item: T): void {
    if (this.#items.length >= this.itemsMax) {
      this.#items.shift();
      this.#lost++;
    }
    this.#items.push(item);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.onClosed();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      while (true) {
        const items = this.#items;
        this.#items = [];
        yield* items;
        if (this.#items.length > 0) continue;
        if (this.#closed) return;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      this.close();
    }
  }
}
