import { PERL_CLASSES } from "./character_classes.ts";
import { CODE_POINT_MAX, PatternError, type Ranges } from "./syntax.ts";

const NAMED_ESCAPES: ReadonlyMap<string, number> = new Map([
  ["a", 0x07],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
]);

/** Reads a pattern, code point by code point. */
export class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(readonly pattern: string) {
    this.#characters = [...pattern];
  }

  /** How much has been read. */
  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#characters.length;
  }

  /** The next character; empty at the end. */
  peek(ahead = 0): string {
    return this.#characters[this.#at + ahead] ?? "";
  }

  /** Reads one character; empty at the end. */
  next(): string {
    return this.#characters[this.#at++] ?? "";
  }

  /** Reads `text` if it comes next. */
  take(text: string): boolean {
    for (const [ahead, character] of [...text].entries()) {
      if (this.peek(ahead) !== character) return false;
    }
    this.#at += text.length;
    return true;
  }

  /** Reads what matches if it comes next. */
  match(expression: RegExp): RegExpMatchArray | null {
    const found = this.#characters.slice(this.#at, this.#at + 64).join("").match(expression);
    if (found) this.#at += found[0].length;
    return found;
  }

  /** The characters from a position on, up to here. */
  since(position: number): string {
    return this.#characters.slice(position, this.#at).join("");
  }

  /** Reads what follows a backslash: one code point, or one of Perl's classes. */
  escape(): number | Ranges {
    const begin = this.#at - 1;
    const letter = this.next();
    if (letter === "") this.fail("trailing backslash at end of expression", "");
    const ranges = PERL_CLASSES.get(letter);
    if (ranges) return ranges;
    const named = NAMED_ESCAPES.get(letter);
    if (named !== undefined) return named;
    if (letter === "x") return this.#hexadecimal(begin);
    if (letter === "0" || /[1-7]/.test(letter) && /[0-7]/.test(this.peek())) {
      return parseInt(letter + (this.match(/^[0-7]{0,2}/)?.[0] ?? ""), 8);
    }
    if (/[0-9A-Za-z]/.test(letter) || letter > "\x7f") {
      this.fail("invalid escape sequence", this.since(begin));
    }
    return letter.codePointAt(0)!;
  }

  fail(reason: string, what: string): never {
    throw new PatternError(reason, what);
  }

  #hexadecimal(begin: number): number {
    const found = this.match(/^\{([0-9A-Fa-f]{1,8})\}/) ?? this.match(/^([0-9A-Fa-f]{2})/);
    const codePoint = found ? parseInt(found[1], 16) : Infinity;
    if (codePoint > CODE_POINT_MAX) this.fail("invalid escape sequence", this.since(begin));
    return codePoint;
  }
}
