/**
 * A regular expression as a machine that is in many states at once: each character is looked at once, at a cost that is
 * bounded by the size of the pattern. (Ken Thompson, 1968.)
 *
 * @module
 */
import { type CharacterSet, type Node, PatternError, type Place } from "./syntax.ts";

/** One instruction. Numbers are those of instructions to go on with. */
export type Instruction =
  | { readonly kind: "set"; readonly set: CharacterSet; next: number }
  | { readonly kind: "place"; readonly place: Place; next: number }
  | { readonly kind: "split"; next: number; other: number }
  | { readonly kind: "match" };

/** Instructions of a pattern. */
export const INSTRUCTIONS_MAX = 2000;
/** Parts of a pattern, repeated ones counted each time: some need no instruction, and are work all the same. */
const PARTS_MAX = 10 * INSTRUCTIONS_MAX;

/**
 * The instructions of a pattern: the first one is the last of the list.
 *
 * @throws PatternError when there are too many
 */
export function instructionsOf(root: Node, pattern: string): readonly Instruction[] {
  const program: Instruction[] = [{ kind: "match" }];
  let parts = 0;

  function add(instruction: Instruction): number {
    if (program.length === INSTRUCTIONS_MAX) tooLarge();
    return program.push(instruction) - 1;
  }

  function tooLarge(): never {
    throw new PatternError("expression is too large", pattern);
  }

  /** Adds what a node needs, going on with `next`. Returns where it begins. */
  function compile(node: Node, next: number): number {
    if (++parts > PARTS_MAX) tooLarge();
    switch (node.kind) {
      case "set":
        return add({ kind: "set", set: node.set, next });
      case "place":
        return add({ kind: "place", place: node.place, next });
      case "sequence":
        return node.items.reduceRight((then, item) => compile(item, then), next);
      case "choice":
        return node.items.map((item) => compile(item, next))
          .reduceRight((other, begin) => add({ kind: "split", next: begin, other }));
      case "repeat":
        return repeat(node, next);
    }
  }

  function repeat(
    { item, min, max }: Extract<Node, { readonly kind: "repeat" }>,
    next: number,
  ): number {
    let begin = next;
    if (max === null) {
      const loop: Instruction = { kind: "split", next, other: next };
      begin = add(loop);
      loop.next = compile(item, begin);
    } else {
      for (let at = min; at < max; at++) {
        begin = add({ kind: "split", next: compile(item, begin), other: next });
      }
    }
    for (let at = 0; at < min; at++) begin = compile(item, begin);
    return begin;
  }

  const begin = compile(root, 0);
  // Where an empty pattern begins is its end.
  if (begin !== program.length - 1) add({ kind: "split", next: begin, other: begin });
  return program;
}
