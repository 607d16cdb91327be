/**
 * Sets of characters that have names: `\d`, `[:alpha:]`.
 *
 * @module
 */
import { complement, type Ranges } from "./syntax.ts";

const DIGIT: Ranges = [[0x30, 0x39]];
const SPACE: Ranges = [[0x09, 0x0a], [0x0c, 0x0d], [0x20, 0x20]];
const WORD: Ranges = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];

/** Perl's classes, by the letter after the backslash. */
export const PERL_CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ["d", DIGIT],
  ["s", SPACE],
  ["w", WORD],
  ["D", complement(DIGIT)],
  ["S", complement(SPACE)],
  ["W", complement(WORD)],
]);

/** POSIX's classes of ASCII characters, by name. */
export const POSIX_CLASSES: ReadonlyMap<string, Ranges> = new Map<string, Ranges>([
  ["alnum", [[0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]]],
  ["alpha", [[0x41, 0x5a], [0x61, 0x7a]]],
  ["ascii", [[0x00, 0x7f]]],
  ["blank", [[0x09, 0x09], [0x20, 0x20]]],
  ["cntrl", [[0x00, 0x1f], [0x7f, 0x7f]]],
  ["digit", DIGIT],
  ["graph", [[0x21, 0x7e]]],
  ["lower", [[0x61, 0x7a]]],
  ["print", [[0x20, 0x7e]]],
  ["punct", [[0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]]],
  ["space", [[0x09, 0x0d], [0x20, 0x20]]],
  ["upper", [[0x41, 0x5a]]],
  ["word", WORD],
  ["xdigit", [[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]]],
]);

/** Whether a character counts as part of a word; null = there is none. */
export function isWord(codePoint: number | null): boolean {
  return codePoint !== null && WORD.some(([from, to]) => codePoint >= from && codePoint <= to);
}
