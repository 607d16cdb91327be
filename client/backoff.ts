import type { RandomSource } from "../environment/environment.ts";

/** How long to wait before trying again. Names and defaults as in Kafka: `retry.backoff.ms` and `.max.ms`. */
export interface BackoffOptions {
  /** After the first failure, in milliseconds. */
  readonly firstMs: number;
  /** At most, before jitter. */
  readonly maxMs: number;
}

/** A fifth up or down, so that clients that failed together do not come back together. */
const JITTER = 0.2;

/** Milliseconds to wait after so many `failures` in a row: doubled each time, with jitter. */
export function backoffMs(
  { firstMs, maxMs }: BackoffOptions,
  failures: number,
  random: RandomSource,
): number {
  if (failures <= 0) return 0;
  const plainMs = Math.min(Math.max(firstMs, maxMs), firstMs * 2 ** Math.min(failures - 1, 30));
  return plainMs * (1 - JITTER + 2 * JITTER * random.next());
}
