/**
 * What the cleaner does, step by step, as its commits show it; and somebody who kills the broker at any of these steps.
 *
 * @module
 */
import { keyParts } from "../../../storage/kv/key.ts";
import { CLEANED_FIRST } from "../../../storage/log/keys.ts";
import type { KvCommit, Simulation } from "../../../testing/mod.ts";

/** By what a commit has. `replaced` also stands for what an earlier life has left behind. */
const STEPS = {
  /** The open segment is closed. */
  "close a segment": (each: Change) => each.is("set", "m") && each.number < CLEANED_FIRST,
  /** Chunks are written anew, ahead. */
  "write ahead: chunks": (each: Change) => each.is("set", "c") && each.number >= CLEANED_FIRST,
  /** A batch that is too large for a commit is written anew, ahead. */
  "write ahead: parts": (each: Change) => each.is("set", "s") && each.number >= CLEANED_FIRST,
  "write ahead: details": (each: Change) => each.is("set", "d") && each.number >= CLEANED_FIRST,
  "write ahead: summary": (each: Change) => each.is("set", "m") && each.number >= CLEANED_FIRST,
  /** The new segments take the place of the old ones. */
  "publish": (each: Change) => each.is("set", "k"),
  "delete replaced: chunks": (each: Change) => each.is("delete", "c"),
  "delete replaced: parts": (each: Change) => each.is("delete", "s"),
  "delete replaced: details": (each: Change) => each.is("delete", "d"),
  "delete replaced: summary": (each: Change) => each.is("delete", "m"),
  "delete replaced: note": (each: Change) => each.is("delete", "k"),
  /** Retention, or DeleteRecords. */
  "move the log's start": (each: Change) => each.is("set", "b"),
  /** Partitions of a deleted topic. */
  "remove: tombstone": (each: Change) => each.is("set", "r"),
  "remove: log's start": (each: Change) => each.is("delete", "b"),
  "remove: done": (each: Change) => each.is("delete", "r"),
};

/** One step of the cleaner. */
export type CleanerStep = keyof typeof STEPS;

/** All steps. */
export const CLEANER_STEPS = Object.keys(STEPS) as CleanerStep[];

/** One key that a commit sets or deletes. */
class Change {
  readonly number: number;
  readonly #kind: string;

  constructor(private readonly what: "set" | "delete", key: Uint8Array) {
    const parts = keyParts(key);
    this.#kind = parts.length >= 3 ? String(parts[0]) : "";
    this.number = Number(parts[2]);
  }

  is(what: "set" | "delete", kind: string): boolean {
    return this.what === what && this.#kind === kind;
  }
}

/** The steps that a commit belongs to. */
export function stepsIn({ sets = [], deletes = [] }: KvCommit): Set<CleanerStep> {
  const changes = [
    ...sets.map(({ key }) => new Change("set", key)),
    ...deletes.map((key) => new Change("delete", key)),
  ];
  return new Set(CLEANER_STEPS.filter((step) => changes.some((each) => STEPS[step](each))));
}

/** Kills the broker at one step of the cleaner after another: the commit arrives, or does not, and nobody hears of it. */
export class Assassin {
  readonly #random;
  #target: CleanerStep | null = null;
  /** Such commits that may pass before the kill. */
  #passing = 0;
  readonly #ends: () => void;

  constructor(private readonly simulation: Simulation, private readonly meanPauseMs: number) {
    this.#random = simulation.random("assassin");
    this.#wait();
    const { kv, broker } = simulation;
    this.#ends = kv.observe((commit, from) => {
      if (from !== broker.process || this.#target === null) return;
      if (!stepsIn(commit).has(this.#target) || this.#passing-- > 0) return;
      simulation.faults.add(`killed at: ${this.#target}`);
      this.#target = null;
      from.kill(this.#random.pick(["closed", "reset", "silent"]));
      simulation.after(this.#random.between([0, 300]), () => broker.restart());
      this.#wait();
    });
  }

  /** From now on nobody is killed. */
  end(): void {
    this.#ends();
  }

  #wait(): void {
    this.simulation.after(this.#random.exponential(this.meanPauseMs), () => {
      this.#target = this.#random.pick(CLEANER_STEPS);
      this.#passing = this.#random.below(3);
    });
  }
}
