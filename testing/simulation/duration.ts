/** Milliseconds, or a text such as `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`. */
export type Duration = number | `${number}${DurationUnit}`;

/** Milliseconds, seconds, minutes, hours, days. */
export type DurationUnit = "ms" | "s" | "m" | "h" | "d";

const UNIT_MS: Readonly<Record<DurationUnit, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A duration in milliseconds.
 *
 * @throws RangeError if it is negative or no duration
 */
export function durationMs(duration: Duration): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration));
  const ms = typeof duration === "number"
    ? duration
    : Number(match?.[1]) * UNIT_MS[match?.[2] as DurationUnit];
  if (!(ms >= 0)) throw new RangeError(`Not a duration: "${duration}"`);
  return ms;
}
