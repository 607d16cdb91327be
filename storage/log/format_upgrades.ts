/**
 * Where upgrades of the stored format have their place: one step for each format that was left behind, from it to the next.
 *
 * Whoever changes the meaning of a stored byte raises the version of `LOG_FORMAT` and adds the step that leads there. A
 * program opens folders of every format that a chain of steps begins with, and leaves them in its own.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import type { Kv } from "../kv/kv.ts";

/** From one format to the next. */
export interface FormatUpgrade {
  /** The format that it begins with; it ends with the one above. */
  readonly from: number;
  /** What it does, for the log: `gives chunks a second checksum`. */
  readonly what: string;
  /**
   * Changes what is stored. When the process dies before it is done, it runs again from its beginning: it must recognise what
   * it has done already. Nobody else has the stores open.
   *
   * @param stores all stores of the log, the first one first.
   */
  run(stores: readonly Kv[], environment: Environment): Promise<void>;
}

/** What this program writes, and what it can make of what others have written. */
export interface LogFormat {
  /** The version of everything below `storage/log/`. */
  readonly version: number;
  /** A step for every format that can still be opened. */
  readonly upgrades: readonly FormatUpgrade[];
}

/** There is one format so far, and so no step. */
export const LOG_FORMAT: LogFormat = { version: 1, upgrades: [] };

/** The steps from a format to that of this program; null when there is no way. */
export function upgradePath(
  { version, upgrades }: LogFormat,
  from: number,
): readonly FormatUpgrade[] | null {
  const path: FormatUpgrade[] = [];
  for (let at = from; at < version; at++) {
    const step = upgrades.find((upgrade) => upgrade.from === at);
    if (!step) return null;
    path.push(step);
  }
  return from <= version ? path : null;
}
