/**
 * The one place where a simulation touches its host, and that host's event loop.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** Settles when every microtask that is queued, and all that they queue, has run. About a million a second. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The address of the program that runs, a test file say. */
export function mainModule(): string {
  return Deno.mainModule;
}

/** Calls `onReason` with the reason of each promise rejected and not handled; returns how to stop that. */
export function onUnhandledRejection(onReason: (reason: unknown) => void): () => void {
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    onReason(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  return () => removeEventListener("unhandledrejection", listener);
}
