import type { Environment } from "./environment.ts";

/** Resolves after `delayMs` milliseconds of the environment's time. */
export function sleep(environment: Pick<Environment, "timers">, delayMs: number): Promise<void> {
  return new Promise((resolve) => environment.timers.schedule(delayMs, resolve));
}
