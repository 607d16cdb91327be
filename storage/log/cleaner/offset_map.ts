import { HASH_KEY_BYTES, KeyHash } from "./key_hash.ts";

/** Bytes of a slot: a hash of 128 bits, and an offset. */
const SLOT_BYTES = 24;
/** Part of the slots that may be taken, as `log.cleaner.io.buffer.load.factor`. */
const LOAD_MAX = 0.75;
const SLOTS_MIN = 16;
const EMPTY = -1;

/**
 * The last offset of each key, for as many keys as a given memory takes: keys are told apart by a hash of 128 bits, so
 * their length does not matter. (Kafka: `SkimpyOffsetMap`.)
 */
export class OffsetMap {
  readonly #hash: KeyHash;
  readonly #hashes: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #slots: number;
  size = 0;

  /**
   * @param keysMax keys that are to be expected at most: less memory is taken when they need less.
   * @param random 16 bytes that nobody can guess.
   */
  constructor(
    options: { readonly bytesMax: number; readonly keysMax: number; readonly random: Uint8Array },
  ) {
    const fitting = Math.floor(options.bytesMax / SLOT_BYTES);
    this.#slots = Math.max(SLOTS_MIN, Math.min(fitting, Math.ceil(options.keysMax / LOAD_MAX) + 1));
    this.#hash = new KeyHash(options.random.subarray(0, HASH_KEY_BYTES));
    this.#hashes = new Uint32Array(this.#slots * 4);
    this.#offsets = new Float64Array(this.#slots).fill(EMPTY);
  }

  /** Notes an offset of a key; false when the key is new and there is no room for it. Offsets of a key must rise. */
  put(bytes: Uint8Array, at: number, length: number, offset: number): boolean {
    const slot = this.#find(bytes, at, length);
    if (this.#offsets[slot] === EMPTY) {
      if (this.size >= Math.floor(this.#slots * LOAD_MAX)) return false;
      this.size++;
      this.#hashes.set(this.#hash.words, slot * 4);
    }
    this.#offsets[slot] = offset;
    return true;
  }

  /** The last offset that was noted of a key; -1 if there is none. */
  get(bytes: Uint8Array, at: number, length: number): number {
    return this.#offsets[this.#find(bytes, at, length)];
  }

  /** The slot of a key, or the empty one that it would get. */
  #find(bytes: Uint8Array, at: number, length: number): number {
    this.#hash.hash(bytes, at, length);
    const { words } = this.#hash;
    const hashes = this.#hashes;
    for (let slot = words[0] % this.#slots;; slot = (slot + 1) % this.#slots) {
      if (this.#offsets[slot] === EMPTY) return slot;
      const h = slot * 4;
      const same = hashes[h] === words[0] && hashes[h + 1] === words[1] &&
        hashes[h + 2] === words[2] && hashes[h + 3] === words[3];
      if (same) return slot;
    }
  }
}
