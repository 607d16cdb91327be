/**
 * Reads regular expressions in RE2's syntax, which Kafka takes from clients: no back-references, nothing that looks
 * ahead or behind. Of that syntax, Unicode's classes (`\p{…}`) and single bytes (`\C`) are not taken on.
 *
 * https://github.com/google/re2/wiki/Syntax
 *
 * @module
 */
import { PERL_CLASSES, POSIX_CLASSES } from "./character_classes.ts";
import { PatternReader } from "./reader.ts";
import {
  CODE_POINT_MAX,
  complement,
  merged,
  type Node,
  type Place,
  type Ranges,
  single,
} from "./syntax.ts";

/** The most that something can be repeated; and what is repeated within, all in all. (RE2: `kMaxRepeat`.) */
const REPEAT_MAX = 1000;
/** Groups in groups. */
const DEPTH_MAX = 200;

interface Flags {
  readonly anyCase: boolean;
  readonly lines: boolean;
  /** `.` is any character, the end of a line too. */
  readonly dotAll: boolean;
}

const PLACES: ReadonlyMap<string, Place> = new Map<string, Place>([
  ["A", "beginOfText"],
  ["z", "endOfText"],
  ["b", "wordBoundary"],
  ["B", "noWordBoundary"],
]);

/**
 * Reads a regular expression.
 *
 * @throws PatternError when it is not one
 */
export function parsePattern(pattern: string): Node {
  const parser = new Parser(new PatternReader(pattern));
  return parser.all();
}

class Parser {
  #flags: Flags = { anyCase: false, lines: false, dotAll: false };
  #depth = 0;
  readonly #names = new Set<string>();

  constructor(private readonly reader: PatternReader) {}

  all(): Node {
    const node = this.#choice();
    if (!this.reader.atEnd) this.#fail("unexpected )", this.reader.pattern);
    return node;
  }

  #choice(): Node {
    if (++this.#depth > DEPTH_MAX) this.#fail("expression nests too deeply", this.reader.pattern);
    const items = [this.#sequence()];
    while (this.reader.take("|")) items.push(this.#sequence());
    this.#depth--;
    return items.length === 1 ? items[0] : { kind: "choice", items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (!this.reader.atEnd && this.reader.peek() !== "|" && this.reader.peek() !== ")") {
      items.push(...this.#repeated());
    }
    return items.length === 1 ? items[0] : { kind: "sequence", items };
  }

  /** One item with what is said of how often it comes. */
  #repeated(): Node[] {
    const { reader } = this;
    const begin = reader.position;
    if (/[*+?]/.test(reader.peek()) || this.#countsFollow()) {
      this.#fail("missing argument to repetition operator", reader.peek());
    }
    const items = this.#atom();
    const item = items.pop();
    const often = this.#howOften();
    if (!often) return item ? [...items, item] : items;
    if (!item) this.#fail("missing argument to repetition operator", reader.since(begin));
    const again = reader.position;
    if (this.#howOften()) {
      this.#fail("invalid nested repetition operator", reader.since(again - 1));
    }
    const node: Node = { kind: "repeat", item, ...often };
    if (repetitions(node) > REPEAT_MAX) this.#fail("invalid repeat count", reader.since(begin));
    return [...items, node];
  }

  #howOften(): { readonly min: number; readonly max: number | null } | null {
    const { reader } = this;
    let often: { min: number; max: number | null } | null = null;
    if (reader.take("*")) often = { min: 0, max: null };
    else if (reader.take("+")) often = { min: 1, max: null };
    else if (reader.take("?")) often = { min: 0, max: 1 };
    else if (this.#countsFollow()) {
      const [text, min, comma, max] = reader.match(COUNTS)!;
      often = { min: Number(min), max: comma === undefined ? Number(min) : count(max) };
      const { max: most } = often;
      if (often.min > REPEAT_MAX || most !== null && (most > REPEAT_MAX || most < often.min)) {
        this.#fail("invalid repeat count", text);
      }
    }
    // Whether as much or as little as possible is taken makes no difference to whether a text matches.
    if (often) reader.take("?");
    return often;
  }

  #countsFollow(): boolean {
    const { reader } = this;
    let ahead = 1;
    if (reader.peek() !== "{") return false;
    while (/[0-9,]/.test(reader.peek(ahead)) && ahead < 16) ahead++;
    const text = Array.from({ length: ahead + 1 }, (_, at) => reader.peek(at)).join("");
    return COUNTS.test(text);
  }

  /** One item, as far as it can be repeated; text in quotes is several, of which the last one can. */
  #atom(): Node[] {
    const { reader } = this;
    const { anyCase, lines, dotAll } = this.#flags;
    const character = reader.next();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return [this.#bracket()];
      case ".": {
        const ranges: Ranges = dotAll ? [[0, CODE_POINT_MAX]] : complement([[0x0a, 0x0a]]);
        return [{ kind: "set", set: { ranges, negated: false, anyCase: false } }];
      }
      case "^":
        return [{ kind: "place", place: lines ? "beginOfLine" : "beginOfText" }];
      case "$":
        return [{ kind: "place", place: lines ? "endOfLine" : "endOfText" }];
      case "\\":
        return this.#escaped();
      default:
        return [single(character.codePointAt(0)!, anyCase)];
    }
  }

  #escaped(): Node[] {
    const { reader } = this;
    const { anyCase } = this.#flags;
    const letter = reader.peek();
    const place = PLACES.get(letter);
    if (place) {
      reader.next();
      return [{ kind: "place", place }];
    }
    if (letter === "Q") {
      reader.next();
      const quoted: Node[] = [];
      while (!reader.atEnd && !reader.take("\\E")) {
        quoted.push(single(reader.next().codePointAt(0)!, anyCase));
      }
      return quoted;
    }
    const escape = reader.escape();
    if (typeof escape === "number") return [single(escape, anyCase)];
    return [{ kind: "set", set: { ranges: escape, negated: false, anyCase } }];
  }

  #group(): Node[] {
    const { reader } = this;
    const begin = reader.position - 1;
    const before = this.#flags;
    if (reader.take("?")) {
      const named = reader.match(/^P?<([A-Za-z_][A-Za-z0-9_]*)>/);
      if (named) this.#name(named[1]);
      else {
        const found = reader.match(/^([imsU]*)(-[imsU]+)?([:)])/);
        if (!found) this.#fail("invalid or unsupported Perl syntax", `(?${reader.peek()}`);
        this.#setFlags(found[1], true);
        this.#setFlags(found[2] ?? "", false);
        if (found[3] === ")") return [];
      }
    }
    const node = this.#choice();
    if (!reader.take(")")) this.#fail("missing closing )", reader.since(begin));
    this.#flags = before;
    return [node];
  }

  #name(name: string): void {
    if (this.#names.has(name)) this.#fail("duplicate capture group name", name);
    this.#names.add(name);
  }

  #setFlags(letters: string, value: boolean): void {
    if (letters.includes("i")) this.#flags = { ...this.#flags, anyCase: value };
    if (letters.includes("m")) this.#flags = { ...this.#flags, lines: value };
    if (letters.includes("s")) this.#flags = { ...this.#flags, dotAll: value };
  }

  /** A set in brackets, of which the first one is read. */
  #bracket(): Node {
    const { reader } = this;
    const begin = reader.position - 1;
    const negated = reader.take("^");
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || reader.peek() !== "]"; first = false) {
      if (reader.atEnd) this.#fail("missing closing ]", reader.since(begin));
      const named = this.#namedClass();
      if (named) ranges.push(...named);
      else ranges.push(this.#range());
    }
    reader.next();
    return { kind: "set", set: { ranges: merged(ranges), negated, anyCase: this.#flags.anyCase } };
  }

  #namedClass(): Ranges | null {
    const { reader } = this;
    if (reader.peek() === "\\" && PERL_CLASSES.has(reader.peek(1))) {
      reader.next();
      return reader.escape() as Ranges;
    }
    const found = reader.match(/^\[:(\^?)([a-z]*):\]/);
    if (!found) return null;
    const ranges = POSIX_CLASSES.get(found[2]);
    if (!ranges) this.#fail("invalid character class range", found[0]);
    return found[1] ? complement(ranges) : ranges;
  }

  #range(): readonly [number, number] {
    const { reader } = this;
    const begin = reader.position;
    const from = this.#inBracket();
    if (reader.peek() !== "-" || reader.peek(1) === "]" || reader.peek(1) === "") {
      return [from, from];
    }
    reader.next();
    const to = this.#inBracket();
    if (to < from) this.#fail("invalid character class range", reader.since(begin));
    return [from, to];
  }

  #inBracket(): number {
    const { reader } = this;
    const begin = reader.position;
    const character = reader.next();
    const codePoint = character === "\\" ? reader.escape() : character.codePointAt(0);
    if (typeof codePoint === "number") return codePoint;
    this.#fail("invalid character class range", reader.since(begin));
  }

  #fail(reason: string, what: string): never {
    this.reader.fail(reason, what);
  }
}

const COUNTS = /^\{(\d{1,6})(,(\d{0,6}))?\}/;

function count(text: string): number | null {
  return text === "" ? null : Number(text);
}

/** How often the innermost item is repeated, all counts multiplied. */
function repetitions(node: Node): number {
  switch (node.kind) {
    case "repeat":
      return Math.max(1, node.max ?? node.min) * repetitions(node.item);
    case "sequence":
    case "choice":
      return node.items.reduce((most, item) => Math.max(most, repetitions(item)), 1);
    default:
      return 1;
  }
}
