/**
 * Ranges of message versions, as Kafka's message definitions write them.
 *
 * @module
 */

/** `"3"`, `"3-7"` or `"3+"`. */
export type Versions = `${number}` | `${number}+` | `${number}-${number}`;

/** A range of versions, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Parses `"3"`, `"3-7"` or `"3+"` (open to the top: `max` is Infinity). */
export function parseVersions(text: Versions): VersionRange {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text);
  if (!match) throw new TypeError(`Not a range of versions: "${text}"`);
  const min = Number(match[1]);
  if (match[2] === undefined) return { min, max: min };
  return { min, max: match[2] === "+" ? Infinity : Number(match[3]) };
}

/** Whether `version` lies inside the range. */
export function includes(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max;
}
