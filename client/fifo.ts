/** How many taken places are kept before the rest moves up. */
const TAKEN_MAX = 1024;

/** First in, first out, quick at any length. */
export class Fifo<T> {
  #items: T[] = [];
  #taken = 0;

  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** The next one to be taken. */
  get first(): T | undefined {
    return this.#items[this.#taken];
  }

  /** The one added last. */
  get last(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#taken++];
    if (
      this.#taken === this.#items.length ||
      this.#taken >= TAKEN_MAX && 2 * this.#taken >= this.#items.length
    ) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  /** Removes an item wherever it is; false if it is not here. */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#taken);
    if (index >= 0) this.#items.splice(index, 1);
    return index >= 0;
  }

  /** Takes all. */
  drain(): T[] {
    const items = this.#items.slice(this.#taken);
    this.#items = [];
    this.#taken = 0;
    return items;
  }
}
