/** The shortest time a change is given, whatever the client says: it includes making it durable. */
const DEADLINE_MS_MIN = 1_000;

/** How long to wait for a change that a client gave `timeoutMs` for. */
export function deadlineOf(timeoutMs: number): number {
  return Math.max(timeoutMs, DEADLINE_MS_MIN);
}
