/**
 * A keyed hash of 128 bits for keys of records: two HalfSipHash-2-4 under different keys, which needs no numbers beyond 32
 * bits. Keyed by random bytes, so that nobody can make keys that meet.
 *
 * Source: J.-P. Aumasson's HalfSipHash (the variant with 64 bits of output).
 *
 * @module
 */

/** Bytes of a key of the hash. */
export const HASH_KEY_BYTES = 16;

const ROUNDS = 2;
const FINAL_ROUNDS = 4;

/** Hashes keys of records. */
export class KeyHash {
  /** The hash of the last key. */
  readonly words: Uint32Array = new Uint32Array(4);
  readonly #keys: Uint32Array;

  /** @param key 16 random bytes. */
  constructor(key: Uint8Array) {
    this.#keys = new Uint32Array(key.slice(0, HASH_KEY_BYTES).buffer);
  }

  /** Hashes `length` bytes from `at` on into `words`. */
  hash(bytes: Uint8Array, at: number, length: number): void {
    this.#half(bytes, at, length, 0);
    this.#half(bytes, at, length, 2);
  }

  /** One half of the hash: absorbs the bytes word by word, then twice nothing, giving out a word after each. */
  #half(bytes: Uint8Array, at: number, length: number, half: number): void {
    const k0 = this.#keys[half] | 0;
    const k1 = this.#keys[half + 1] | 0;
    let v0 = k0;
    let v1 = k1 ^ 0xee;
    let v2 = k0 ^ 0x6c796765;
    let v3 = k1 ^ 0x74656462;
    const last = length >>> 2;
    for (let step = 0; step <= last + 2; step++) {
      const word = step > last ? 0 : wordAt(bytes, at, length, step);
      if (step <= last) v3 ^= word;
      else if (step === last + 1) v2 ^= 0xee;
      else {
        this.words[half] = v1 ^ v3;
        v1 ^= 0xdd;
      }
      for (let rounds = step > last ? FINAL_ROUNDS : ROUNDS; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0;
        v1 = (v1 << 5 | v1 >>> 27) ^ v0;
        v0 = v0 << 16 | v0 >>> 16;
        v2 = (v2 + v3) | 0;
        v3 = (v3 << 8 | v3 >>> 24) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = (v3 << 7 | v3 >>> 25) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = (v1 << 13 | v1 >>> 19) ^ v2;
        v2 = v2 << 16 | v2 >>> 16;
      }
      v0 ^= word;
    }
    this.words[half + 1] = v1 ^ v3;
  }
}

/** Four bytes as a word; the last word has what is left, and the length. */
function wordAt(bytes: Uint8Array, at: number, length: number, step: number): number {
  const position = at + step * 4;
  const left = length - step * 4;
  if (left >= 4) {
    return bytes[position] | bytes[position + 1] << 8 | bytes[position + 2] << 16 |
      bytes[position + 3] << 24;
  }
  let word = length << 24;
  for (let n = 0; n < left; n++) word |= bytes[position + n] << (8 * n);
  return word;
}
