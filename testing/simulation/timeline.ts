/** How many of the latest notes are kept. */
const NOTES_MAX = 400;

/** What happened lately, for people: shown when a simulation fails. Not a part of the history and its hash. */
export class Timeline {
  readonly #lines: string[] = [];

  constructor(private readonly nowMs: () => number) {}

  /** Adds a line: who it concerns and what happened. */
  note(who: string, what: string): void {
    this.#lines.push(
      `${(this.nowMs() / 1000).toFixed(6).padStart(12)}s  ${who.padEnd(12)} ${what}`,
    );
    if (this.#lines.length > 2 * NOTES_MAX) this.#lines.splice(0, NOTES_MAX);
  }

  /** The latest lines, oldest first. */
  latest(linesMax: number = NOTES_MAX): string[] {
    return this.#lines.slice(-linesMax);
  }
}
