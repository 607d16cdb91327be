/**
 * The requests that a server works on at a time (`queued.max.requests`). A Fetch that waits for records gives its slot
 * back, so that any number of idle consumers leave room for others.
 */
export class RequestSlots {
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly max: number) {}

  /** Takes a slot if one is free. */
  tryTake(): boolean {
    if (this.#taken >= this.max || this.#waiting.length > 0) return false;
    this.#taken++;
    return true;
  }

  /** Takes a slot, in order of asking, when one is free. */
  take(): Promise<void> {
    if (this.tryTake()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives a slot back. */
  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken--;
  }
}
