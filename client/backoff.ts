import type { RandomSource } from "../environment/environment.ts";
import type { ErrorName } from "../protocol/errors.ts";

/** How long to wait before trying again. Names and defaults as in Kafka: `retry.backoff.ms` and `.max.ms`. */
export interface BackoffOptions {
  /** After the first failure, in milliseconds. */
  readonly firstMs: number;
  /** At most, before jitter. */
  readonly maxMs: number;
}

/** A fifth up or down, so that clients that failed together do not come back together. */
const JITTER = 0.2;

/** A transaction that is being completed takes a moment only. Source: `ADD_PARTITIONS_RETRY_BACKOFF_MS`. */
const CONCURRENT_BACKOFF_MS = 20;

/** Milliseconds to wait after a first failure of this kind, where it is `retryBackoffMs` otherwise. */
export function firstBackoffMs(kind: ErrorName, retryBackoffMs: number): number {
  return kind === "CONCURRENT_TRANSACTIONS"
    ? Math.min(CONCURRENT_BACKOFF_MS, retryBackoffMs)
    : retryBackoffMs;
}

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
