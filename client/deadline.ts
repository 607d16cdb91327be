import type { Environment } from "../environment/environment.ts";

/**
 * Settles as `promise` does, or rejects with `late()` after `timeoutMs`. What the promise comes to afterwards is dropped.
 */
export function within<T>(
  environment: Pick<Environment, "timers">,
  timeoutMs: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = environment.timers.schedule(Math.max(0, timeoutMs), () => reject(late()));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
