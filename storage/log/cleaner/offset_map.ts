import { HASH_KEY_BYTES, KeyHash } from "./key_hash.ts";

/** Bytes of a slot: a hash of 128 bits, and an offset. */
const SLOT_BYTES = 24;
/** Part of the slots that may be taken, as `log.cleaner.io.buffer.load.factor`. */
const LOAD_MAX = 0.75;
const SLOTS_MIN = 16;
const EMPTY = -1;

/** Memory is taken in so many steps, as keys come. */
const STEPS = 4;

/** A part of the map: an open-addressed table. */
interface Table {
  readonly hashes: Uint32Array;
  readonly offsets: Float64Array;
  size: number;
}

/**
 * The last offset of each key, for as many keys as a given memory takes: keys are told apart by a hash of 128 bits, so
 * their length does not matter. (Kafka: `SkimpyOffsetMap`.) A key is in one of several tables: the next one is made when
 * the ones before are full, and nothing is copied, so that never more memory is taken than was given.
 */
export class OffsetMap {
  readonly #hash: KeyHash;
  /** Of a table. */
  readonly #slots: number;
  readonly #tables: Table[] = [];
  size = 0;

  /**
   * @param keysMax keys that are to be expected at most: less memory is taken when they need less.
   * @param random 16 bytes that nobody can guess.
   */
  constructor(
    options: { readonly bytesMax: number; readonly keysMax: number; readonly random: Uint8Array },
  ) {
    const fitting = Math.floor(options.bytesMax / SLOT_BYTES / STEPS);
    const wanted = Math.ceil((options.keysMax / LOAD_MAX + 1) / STEPS) + 1;
    this.#slots = Math.max(SLOTS_MIN, Math.min(fitting, wanted));
    this.#hash = new KeyHash(options.random.subarray(0, HASH_KEY_BYTES));
  }

  /** Notes an offset of a key; false when the key is new and there is no room for it. Offsets of a key must rise. */
  put(bytes: Uint8Array, at: number, length: number, offset: number): boolean {
    this.#hash.hash(bytes, at, length);
    for (const table of this.#tables) {
      const slot = this.#find(table);
      if (table.offsets[slot] === EMPTY) continue;
      table.offsets[slot] = offset;
      return true;
    }
    const table = this.#tableWithRoom();
    if (!table) return false;
    const slot = this.#find(table);
    table.hashes.set(this.#hash.words, slot * 4);
    table.offsets[slot] = offset;
    table.size++;
    this.size++;
    return true;
  }

  /** The last offset that was noted of a key; -1 if there is none. */
  get(bytes: Uint8Array, at: number, length: number): number {
    this.#hash.hash(bytes, at, length);
    for (const table of this.#tables) {
      const offset = table.offsets[this.#find(table)];
      if (offset !== EMPTY) return offset;
    }
    return EMPTY;
  }

  #tableWithRoom(): Table | null {
    const last = this.#tables.at(-1);
    if (last && last.size < Math.floor(this.#slots * LOAD_MAX)) return last;
    if (this.#tables.length === STEPS) return null;
    const table = {
      hashes: new Uint32Array(this.#slots * 4),
      offsets: new Float64Array(this.#slots).fill(EMPTY),
      size: 0,
    };
    this.#tables.push(table);
    return table;
  }

  /** The slot of the key that was hashed, or the empty one that it would get. */
  #find({ hashes, offsets }: Table): number {
    const { words } = this.#hash;
    for (let slot = words[0] % this.#slots;; slot = (slot + 1) % this.#slots) {
      if (offsets[slot] === EMPTY) return slot;
      const h = slot * 4;
      const same = hashes[h] === words[0] && hashes[h + 1] === words[1] &&
        hashes[h + 2] === words[2] && hashes[h + 3] === words[3];
      if (same) return slot;
    }
  }
}
