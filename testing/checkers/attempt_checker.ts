/**
 * Whether a producer that was told an error was told the truth: pure, and for any client.
 *
 * @module
 */
import type { SeenRecord } from "./log_checker.ts";
import type { Violation } from "./violation.ts";

/** One attempt to store a record, of a producer that does not try again by itself. */
export interface Attempt {
  /** Who made it. */
  readonly producer: string;
  /** Its value, as no other record has. */
  readonly value: string;
  /** When it was made, and when it was answered, on any clock that never goes back. */
  readonly sentAtMs: number;
  /** Infinity when it was never answered. */
  readonly answeredAtMs: number;
  /** The error of the answer; null when it was a success, or when the client itself gave up (a deadline). */
  readonly error: string | null;
}

/** What is known of attempts. */
export interface AttemptHistory {
  /** In any order. */
  readonly attempts: readonly Attempt[];
  /** The whole log in the end. */
  readonly log: readonly SeenRecord[];
  /** When a broker crashed, was paused or was taken over: on the clock of the attempts. */
  readonly crashesAtMs: readonly number[];
}

/**
 * Attempts that a broker answered with an error and that are in the log all the same, though no broker crashed while they
 * were under way. A crash, like a deadline, may leave a broker in doubt; without one it must know.
 */
export function checkAttempts({ attempts, log, crashesAtMs }: AttemptHistory): Violation[] {
  const stored = new Map(log.map((record) => [record.value, record]));
  return attempts.flatMap(({ producer, value, sentAtMs, answeredAtMs, error }) => {
    const found = stored.get(value);
    if (error === null || !found) return [];
    if (crashesAtMs.some((atMs) => sentAtMs <= atMs && atMs <= answeredAtMs)) return [];
    const text = `"${value}" of ${producer} was answered ${error}, ` +
      `and is ${found.partition}@${found.offset}`;
    return [{ kind: "error for an applied write", text }];
  });
}
