import { hash32 } from "./hash.ts";

/**
 * A stream of pseudo-random numbers: the same for the same seed and name, whatever is drawn from other streams.
 * (sfc32: 128 bits of state, fast, passes PractRand.)
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** The stream of this seed. */
  constructor(seed: string) {
    this.#a = hash32(`${seed}/a`);
    this.#b = hash32(`${seed}/b`);
    this.#c = hash32(`${seed}/c`);
    for (let round = 0; round < 12; round++) this.#uint32();
  }

  /** A number in [0, 1). */
  next(): number {
    return this.#uint32() / 2 ** 32;
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A number in [low, high). */
  between([low, high]: Range): number {
    return low + this.next() * (high - low);
  }

  /** `true` with this probability. Draws even when it is 0, so that changing a probability shifts nothing else. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the elements. */
  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)];
  }

  /** A waiting time with this mean, for things that happen at random moments. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.#uint32() >>> 24;
    return bytes;
  }

  #uint32(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }
}

/** From a low end (included) to a high end (left out). */
export type Range = readonly [low: number, high: number];
