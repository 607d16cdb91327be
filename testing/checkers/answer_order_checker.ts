/**
 * Whether every connection is answered in the order in which it asks, as Kafka promises.
 *
 * @module
 */
import type { Violation } from "./violation.ts";

/** Follows connections while they run: what is answered is forgotten. */
export class AnswerOrderChecker {
  readonly #waiting = new Map<string, number[]>();
  readonly #violations: Violation[] = [];

  /** A connection asked something that is answered. */
  asked(connection: string, correlationId: number): void {
    const waiting = this.#waiting.get(connection);
    if (waiting) waiting.push(correlationId);
    else this.#waiting.set(connection, [correlationId]);
  }

  /** A connection was answered. */
  answered(connection: string, correlationId: number): void {
    const waiting = this.#waiting.get(connection) ?? [];
    const place = waiting.indexOf(correlationId);
    if (place !== 0) {
      const expected = waiting.length === 0 ? "nothing" : `request ${waiting[0]}`;
      const text = `${connection} was answered request ${correlationId}, ${expected} was next`;
      this.#violations.push({ kind: "answer out of order", text });
    }
    if (place >= 0) waiting.splice(place, 1);
    if (waiting.length === 0) this.#waiting.delete(connection);
  }

  /** What was wrong so far. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }
}
