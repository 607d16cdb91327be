import type { Asker } from "./call.ts";

/** The answer to a call: taken as it is if it is there at once, or else as a promise. */
export class Reply<T> implements Asker {
  #value: T | undefined;
  #error: Error | null = null;
  #settled = false;
  #waiting: PromiseWithResolvers<T> | null = null;

  resolve(value: unknown): void {
    this.#settled = true;
    if (this.#waiting) this.#waiting.resolve(value as T);
    else this.#value = value as T;
  }

  reject(error: Error): void {
    this.#settled = true;
    if (this.#waiting) this.#waiting.reject(error);
    else this.#error = error;
  }

  /** The answer, or a promise of it if there is none yet. Throws the failure if there is one. */
  now(): T | Promise<T> {
    if (this.#error) throw this.#error;
    if (this.#settled) return this.#value as T;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}
