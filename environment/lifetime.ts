/** How long something lives: what waits on it when it ends waits for ever. */
export class Lifetime {
  #ended = false;
  readonly #onEnd = new Set<() => void>();

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Ends it, once, and calls what was registered. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const callback of this.#onEnd) callback();
    this.#onEnd.clear();
  }

  /** Calls `callback` at the end, at once if that was before. Returns how to take it back. */
  onEnd(callback: () => void): () => void {
    if (this.#ended) callback();
    else this.#onEnd.add(callback);
    return () => void this.#onEnd.delete(callback);
  }

  /** Settles as `promise` does, or never once the lifetime has ended. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#ended || resolve(value),
        (error) => this.#ended || reject(error),
      );
    });
  }
}
