/** How often each kind of fault was injected. */
export class FaultCounts {
  readonly #counts = new Map<string, number>();

  /** @ignore: a simulation has one. */
  constructor(private readonly onFault: (kind: string) => void = () => {}) {}

  /** Counts one. */
  add(kind: string): void {
    this.#counts.set(kind, this.of(kind) + 1);
    this.onFault(kind);
  }

  /** How many of a kind there were. */
  of(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** All counts, by kind in alphabetical order. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([left], [right]) => left < right ? -1 : 1));
  }
}
