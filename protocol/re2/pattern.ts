/**
 * Regular expressions as Kafka takes them from clients: RE2's syntax, and nobody can make the broker work for long.
 *
 * @module
 */
import { isWord } from "./character_classes.ts";
import { parsePattern } from "./parser.ts";
import { type Instruction, instructionsOf } from "./program.ts";
import { type CharacterSet, PatternError, type Place } from "./syntax.ts";

/** Characters of a pattern. */
const PATTERN_MAX = 4096;

/** A regular expression. */
export class Pattern {
  readonly #program: readonly Instruction[];

  /**
   * Reads a regular expression.
   *
   * @throws PatternError when it is not one, or too large
   */
  constructor(text: string) {
    if (text.length > PATTERN_MAX) {
      throw new PatternError("expression is too large", `${text.slice(0, 20)}…`);
    }
    this.#program = instructionsOf(parsePattern(text), text);
  }

  /** Begins to look whether a whole text matches. */
  match(text: string): Matching {
    return new Matching(this.#program, text);
  }

  /** Whether a whole text matches, however long that takes: see {@linkcode match}. */
  matches(text: string): boolean {
    return this.match(text).run(Infinity)!;
  }
}

/** Looks whether a text matches, in pieces: a long text and a bad pattern must not keep others waiting. */
export class Matching {
  /** Instructions that have been looked at. */
  steps = 0;
  #at = 0;
  #before: number | null = null;
  #states: number[] = [];
  /** When an instruction became one of the states: at this round, counted from 1. */
  readonly #round: Uint32Array;
  #rounds = 0;
  readonly #stack: number[] = [];

  constructor(private readonly program: readonly Instruction[], private readonly text: string) {
    this.#round = new Uint32Array(program.length);
    this.#enter([program.length - 1]);
  }

  /** Goes on for so many steps, or a few more. Returns null when it has not come to an end. */
  run(steps: number): boolean | null {
    const until = this.steps + steps;
    while (this.#at < this.text.length && this.#states.length > 0) {
      if (this.steps >= until) return null;
      this.#read(this.text.codePointAt(this.#at)!);
    }
    return this.#states.some((at) => this.program[at].kind === "match") &&
      this.#at >= this.text.length;
  }

  #read(codePoint: number): void {
    const next: number[] = [];
    this.steps += this.#states.length;
    for (const at of this.#states) {
      const instruction = this.program[at];
      if (instruction.kind === "set" && isIn(codePoint, instruction.set)) {
        next.push(instruction.next);
      }
    }
    this.#at += codePoint > 0xffff ? 2 : 1;
    this.#before = codePoint;
    this.#enter(next);
  }

  /** Makes these instructions the states, and all that follow without a character. */
  #enter(begins: readonly number[]): void {
    const after = this.text.codePointAt(this.#at) ?? null;
    const round = ++this.#rounds;
    const stack = this.#stack;
    const states: number[] = [];
    for (const begin of begins) {
      stack.push(begin);
      for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
        if (this.#round[at] === round) continue;
        this.#round[at] = round;
        this.steps++;
        const instruction = this.program[at];
        switch (instruction.kind) {
          case "split":
            stack.push(instruction.other, instruction.next);
            break;
          case "place":
            if (isAt(instruction.place, this.#before, after)) stack.push(instruction.next);
            break;
          default:
            states.push(at);
        }
      }
    }
    this.#states = states;
  }
}

function isAt(place: Place, before: number | null, after: number | null): boolean {
  switch (place) {
    case "beginOfText":
      return before === null;
    case "endOfText":
      return after === null;
    case "beginOfLine":
      return before === null || before === 0x0a;
    case "endOfLine":
      return after === null || after === 0x0a;
    case "wordBoundary":
      return isWord(before) !== isWord(after);
    case "noWordBoundary":
      return isWord(before) === isWord(after);
  }
}

function isIn(codePoint: number, { ranges, negated, anyCase }: CharacterSet): boolean {
  let found = isInRanges(codePoint, ranges);
  if (!found && anyCase) {
    const character = String.fromCodePoint(codePoint);
    found = isInRanges(character.toLowerCase().codePointAt(0)!, ranges) ||
      isInRanges(character.toUpperCase().codePointAt(0)!, ranges);
  }
  return found !== negated;
}

function isInRanges(codePoint: number, ranges: CharacterSet["ranges"]): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const [from, to] = ranges[middle];
    if (codePoint < from) high = middle - 1;
    else if (codePoint > to) low = middle + 1;
    else return true;
  }
  return false;
}
