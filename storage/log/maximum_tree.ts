/**
 * Finds the first of many numbers that is large enough, or the largest ones, without looking at all of them.
 *
 * @module
 */

/** In place of a number that is not there. */
const NOTHING = -Infinity;

/**
 * A list of numbers, with the largest of each stretch in a binary tree over it. The list belongs to somebody else and mostly
 * grows at its end: {@linkcode follow} takes over what is new, and may be called late.
 */
export class MaximumTree {
  /** The root is 1, node n has the children 2n and 2n + 1, and the leaves begin at `#leaves`. */
  #nodes: Float64Array = new Float64Array(2).fill(NOTHING);
  #leaves = 1;
  /** Leaves that may be more than nothing. */
  #used = 0;
  /** Numbers that are known to be right. */
  #known = 0;

  /** From `index` on the list is another one now. */
  forget(index: number): void {
    this.#known = Math.min(this.#known, index);
  }

  /** Takes the list over, which has `length` numbers now: those that are new, and the last one before, which may have changed. */
  follow(length: number, numberAt: (index: number) => number): void {
    const first = Math.max(0, Math.min(this.#known, length) - 1);
    const grows = length > this.#leaves;
    if (grows) this.#grow(length);
    const end = Math.max(length, this.#used);
    for (let index = first; index < end; index++) {
      this.#nodes[this.#leaves + index] = index < length ? numberAt(index) : NOTHING;
    }
    this.#update(grows ? 0 : first, end);
    this.#known = this.#used = length;
  }

  /** The first index from `from` on with a number of at least `value`; -1 if there is none. */
  nextAtLeast(from: number, value: number): number {
    if (from >= this.#used) return -1;
    const nodes = this.#nodes;
    let node = this.#leaves + from;
    while (nodes[node] < value) {
      while (node & 1) node >>>= 1; // the end of its parent, too
      if (node === 0) return -1;
      node++;
    }
    while (node < this.#leaves) {
      node *= 2;
      if (nodes[node] < value) node++;
    }
    return node - this.#leaves;
  }

  /** The indices from `from` to before `to`, largest number first; of equal ones, the first first. */
  *largestFirst(from: number, to: number): Generator<number> {
    const nodes = this.#nodes; // who goes on later goes on with this tree, even when it has grown meanwhile
    const leaves = this.#leaves;
    const open = this.#cover(from, Math.min(to, this.#used));
    while (open.length > 0) {
      let best = 0;
      for (let at = 1; at < open.length; at++) if (nodes[open[at]] > nodes[open[best]]) best = at;
      const node = open[best];
      if (nodes[node] === NOTHING) return;
      if (node >= leaves) {
        open.splice(best, 1);
        yield node - leaves;
      } else open.splice(best, 1, node * 2, node * 2 + 1); // so nodes stay in the order of the list
    }
  }

  #grow(length: number): void {
    const before = this.#nodes.subarray(this.#leaves, this.#leaves + this.#used);
    while (this.#leaves < length) this.#leaves *= 2;
    this.#nodes = new Float64Array(this.#leaves * 2).fill(NOTHING);
    this.#nodes.set(before, this.#leaves);
  }

  /** Sets what is above the leaves from `first` to before `end`. */
  #update(first: number, end: number): void {
    const nodes = this.#nodes;
    let low = (this.#leaves + first) >>> 1;
    let high = (this.#leaves + Math.max(first, end - 1)) >>> 1;
    for (; low > 0; low >>>= 1, high >>>= 1) {
      for (let node = low; node <= high; node++) {
        nodes[node] = Math.max(nodes[node * 2], nodes[node * 2 + 1]);
      }
    }
  }

  /** The largest nodes that together are the indices from `from` to before `to`, in their order. */
  #cover(from: number, to: number): number[] {
    if (from >= to) return [];
    const left: number[] = [];
    const right: number[] = [];
    let low = this.#leaves + from;
    let high = this.#leaves + to;
    for (; low < high; low >>>= 1, high >>>= 1) {
      if (low & 1) left.push(low++);
      if (high & 1) right.push(--high);
    }
    return [...left, ...right.reverse()];
  }
}
