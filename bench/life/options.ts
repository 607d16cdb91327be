/** What a run of `log_life_bench.ts` is made of: words `name=number` on the command line. */
export interface LifeOptions {
  /** GB in the large log, and in the small one that it is compared with. */
  readonly largeGb: number;
  readonly smallGb: number;
  /** MB of each measured round of producing. */
  readonly roundMb: number;
  readonly rounds: number;
  /** Random fetches of old records, in each of the two logs. */
  readonly fetches: number;
  /** MB of a compacted topic that are dirty whenever the cleaner is let loose. */
  readonly dirtyMb: number;
  /** Keys of the topic that is compacted, how often each is written, bytes of a value. */
  readonly keys: number;
  readonly writes: number;
  readonly valueBytes: number;
}

const DEFAULTS: LifeOptions = {
  largeGb: 20,
  smallGb: 1,
  roundMb: 128,
  rounds: 8,
  fetches: 2_000,
  dirtyMb: 70,
  keys: 2_000_000,
  writes: 5,
  valueBytes: 1_000,
};

/** The parts asked for, none = all; and the numbers. @throws {RangeError} for a word that is neither. */
export function lifeOptions(
  words: readonly string[],
  parts: readonly string[],
): { readonly parts: readonly string[]; readonly options: LifeOptions } {
  const chosen: string[] = [];
  const numbers: Record<string, number> = {};
  for (const word of words) {
    const [name, value] = word.split("=");
    if (parts.includes(word)) chosen.push(word);
    else if (name in DEFAULTS && Number(value) > 0) numbers[name] = Number(value);
    else {
      const names = Object.keys(DEFAULTS).map((each) => `${each}=N`);
      throw new RangeError(`"${word}" is none of ${[...parts, ...names].join(", ")}`);
    }
  }
  return { parts: chosen.length > 0 ? chosen : parts, options: { ...DEFAULTS, ...numbers } };
}
