/**
 * What a regular expression means, as a tree.
 *
 * @module
 */

/** A regular expression is not one, or more than is taken on. */
export class PatternError extends Error {
  constructor(reason: string, pattern: string) {
    super(`error parsing regexp: ${reason}: \`${pattern}\``);
    this.name = "PatternError";
  }
}

/** Ranges of code points, both ends included, in order. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** A set of code points. */
export interface CharacterSet {
  readonly ranges: Ranges;
  /** All but those. */
  readonly negated: boolean;
  /** A letter is in it when it is in another case. */
  readonly anyCase: boolean;
}

/** A place that takes no character. */
export type Place =
  | "beginOfText"
  | "endOfText"
  | "beginOfLine"
  | "endOfLine"
  | "wordBoundary"
  | "noWordBoundary";

/** A part of a regular expression. */
export type Node =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "place"; readonly place: Place }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly items: readonly Node[] }
  /** `max` null = without end. */
  | {
    readonly kind: "repeat";
    readonly item: Node;
    readonly min: number;
    readonly max: number | null;
  };

/** The greatest code point. */
export const CODE_POINT_MAX = 0x10ffff;

/** The set of a single code point. */
export function single(codePoint: number, anyCase: boolean): Node {
  return { kind: "set", set: { ranges: [[codePoint, codePoint]], negated: false, anyCase } };
}

/** Ranges that come in any order, in order: none beside or across another. */
export function merged(
  ranges: readonly (readonly [from: number, to: number])[],
): Ranges {
  const all: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

/** What is between ranges. */
export function complement(ranges: Ranges): Ranges {
  const between: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (from > next) between.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= CODE_POINT_MAX) between.push([next, CODE_POINT_MAX]);
  return between;
}
