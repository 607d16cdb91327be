/**
 * What was written or read lately, kept in memory up to a number of bytes, for all partitions of the process.
 *
 * First in, first out, but what was used since gets a second round: so a scan of old data passes through without
 * driving out the tail that everybody reads.
 *
 * @module
 */

interface Slot {
  readonly value: unknown;
  readonly bytes: number;
  used: boolean;
}

/** Where something cached came from: a number for a chunk, text for anything else. */
export type CacheKey = number | string;

/** Something loaded, and what it costs to keep. */
export interface Loaded<T> {
  readonly value: T;
  readonly bytes: number;
}

/** A cache with a budget in bytes. Loads are shared: who asks for what is being loaded waits for the same load. */
export class ChunkCache {
  readonly #slots = new Map<CacheKey, Slot>();
  readonly #loading = new Map<CacheKey, Promise<unknown>>();
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get<T>(key: CacheKey): T | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    slot.used = true;
    return slot.value as T;
  }

  put(key: CacheKey, value: unknown, bytes: number): void {
    this.delete(key);
    this.#slots.set(key, { value, bytes, used: false });
    this.#bytes += bytes;
    this.#evict();
  }

  delete(key: CacheKey): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#bytes -= slot.bytes;
  }

  /**
   * The values of `keys`, from memory or by `load`, which is asked for those that nobody is loading yet, in the groups that
   * `group` makes of them.
   */
  async getMany<K extends CacheKey, T>(
    keys: readonly K[],
    group: (missing: readonly K[]) => readonly (readonly K[])[],
    load: (keys: readonly K[]) => Promise<readonly Loaded<T>[]>,
  ): Promise<T[]> {
    const missing = keys.filter((key) => !this.#slots.has(key) && !this.#loading.has(key));
    // None missing make no group: a load that nobody waits for would fail without anybody being told.
    const groups = missing.length === 0 ? [] : group(missing);
    for (const together of groups) this.#startLoad(together, load);
    const values = keys.map((key) => this.#loading.get(key) ?? this.get<T>(key));
    return await Promise.all(values) as T[];
  }

  #startLoad<K extends CacheKey, T>(
    keys: readonly K[],
    load: (keys: readonly K[]) => Promise<readonly Loaded<T>[]>,
  ): void {
    const loaded = load(keys);
    keys.forEach((key, index) => {
      const one = loaded.then((values) => {
        this.#loading.delete(key);
        const { value, bytes } = values[index];
        this.put(key, value, bytes);
        return value;
      }, (error) => {
        this.#loading.delete(key);
        throw error;
      });
      one.catch(() => {}); // whoever waits for it is told; nobody may be left
      this.#loading.set(key, one);
    });
  }

  #evict(): void {
    while (this.#bytes > this.bytesMax) {
      const [key, slot] = this.#slots.entries().next().value!;
      this.#slots.delete(key);
      if (slot.used) {
        slot.used = false;
        this.#slots.set(key, slot);
      } else this.#bytes -= slot.bytes;
    }
  }
}
