import type { Clock, Environment, LogSink, RandomSource, Timers } from "../environment.ts";
import { DenoNetwork } from "./network.ts";

/** How a Deno environment is made. */
export interface DenoEnvironmentOptions {
  /** Where log lines go, e.g. {@linkcode stderrLog}. */
  readonly log: LogSink;
}

/** The real world, through Deno: system clocks, timers, random numbers, and TCP (needs `--allow-net`). */
export function denoEnvironment({ log }: DenoEnvironmentOptions): Environment {
  return { clock, timers, random, network: new DenoNetwork({ timers, log }), log };
}

const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** `setTimeout` takes 31 bits; anything longer would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const timers: Timers = {
  schedule(delayMs, callback) {
    if (delayMs <= 0) {
      // A timeout of 0 takes a millisecond or two: this one comes with the next turn of the event loop.
      const next = setImmediate(callback);
      return { cancel: () => clearImmediate(next) };
    }
    let id: ReturnType<typeof setTimeout>;
    const arm = (leftMs: number) => {
      const stepMs = Math.min(leftMs, TIMEOUT_MS_MAX);
      id = setTimeout(() => leftMs > stepMs ? arm(leftMs - stepMs) : callback(), stepMs);
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(id) };
  },
};

/** The most that `crypto.getRandomValues` fills in one call. */
const RANDOM_BYTES_MAX = 65_536;

const random: RandomSource = {
  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += RANDOM_BYTES_MAX) {
      crypto.getRandomValues(bytes.subarray(start, start + RANDOM_BYTES_MAX));
    }
    return bytes;
  },
  next: () => Math.random(),
};
