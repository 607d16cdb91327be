/**
 * A sorted set of strings for the in-memory store: blocks of a few hundred keys, so that adding or removing one moves a
 * few hundred references at most, however many keys there are.
 *
 * @module
 */

const BLOCK_KEYS_MAX = 512;

/** A sorted set of strings, ordered by code unit. */
export class SortedKeys {
  /** Never empty blocks, in order; each is sorted. */
  #blocks: string[][] = [];

  /** Adds a key that is not in the set. */
  add(key: string): void {
    if (this.#blocks.length === 0) {
      this.#blocks.push([key]);
      return;
    }
    const at = Math.min(this.#blockOf(key), this.#blocks.length - 1);
    const block = this.#blocks[at];
    block.splice(lowerBound(block, key), 0, key);
    if (block.length > BLOCK_KEYS_MAX) {
      // Keys that arrive in order leave full blocks behind; others split in the middle.
      const half = at === this.#blocks.length - 1 ? BLOCK_KEYS_MAX : block.length >> 1;
      this.#blocks.splice(at + 1, 0, block.splice(half));
    }
  }

  /** Removes a key that is in the set. */
  remove(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    block.splice(lowerBound(block, key), 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** Up to `limit` keys of [start, end), from the low end or, in `reverse`, from the high end. */
  slice(start: string, end: string, limit: number, reverse: boolean): string[] {
    return reverse ? this.#last(start, end, limit) : this.#first(start, end, limit);
  }

  #first(start: string, end: string, limit: number): string[] {
    const found: string[] = [];
    for (let at = this.#blockOf(start); at < this.#blocks.length; at++) {
      const block = this.#blocks[at];
      for (let index = lowerBound(block, start); index < block.length; index++) {
        if (found.length === limit || block[index] >= end) return found;
        found.push(block[index]);
      }
    }
    return found;
  }

  #last(start: string, end: string, limit: number): string[] {
    const found: string[] = [];
    for (let at = Math.min(this.#blockOf(end), this.#blocks.length - 1); at >= 0; at--) {
      const block = this.#blocks[at];
      for (let index = lowerBound(block, end) - 1; index >= 0; index--) {
        if (found.length === limit || block[index] < start) return found;
        found.push(block[index]);
      }
    }
    return found;
  }

  /** The first block whose last key is at or after `key`; the number of blocks when there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle].at(-1)! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
