/**
 * Whether everything that is written to a store is written by whoever has it at the time: a broker that was replaced and
 * has not noticed (a zombie) must not write.
 *
 * @module
 */
import { decodeHead, type Head } from "../../storage/chain/head.ts";
import { key, keyParts } from "../../storage/kv/key.ts";
import type { KvCommit } from "../../storage/kv/kv.ts";
import type { Violation } from "./violation.ts";

/** What the keys of HEADs begin with. */
const HEAD = key("head");

/** The last link of a chain, and who forged it. */
interface Link {
  readonly head: Head;
  readonly writer: string;
}

/**
 * Follows the chains of commits while they grow. Each commit rewrites its chain's HEAD: with the next number, by the same
 * writer in the same epoch, or by another one in the next.
 */
export class ChainChecker {
  readonly #last = new Map<string, Link>();
  readonly #violations: Violation[] = [];

  /** `onTakeover` is told who had a chain, when another writer has taken it over. */
  constructor(private readonly onTakeover: (before: string) => void = () => {}) {}

  /** A commit was applied to a store. */
  applied(store: string, writer: string, { sets = [] }: KvCommit): void {
    for (const { key: headKey, value } of sets) {
      if (!HEAD.every((byte, at) => headKey[at] === byte)) continue;
      const [, ...which] = keyParts(headKey);
      this.#forged([store, ...which].join(" "), writer, value);
    }
  }

  /** What was wrong so far. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  #forged(chain: string, writer: string, value: Uint8Array): void {
    const head = decodeHead(value);
    const last = this.#last.get(chain);
    this.#last.set(chain, { head, writer });
    if (last && last.writer !== writer) this.onTakeover(last.writer);
    if (last && !follows(head, writer, last)) {
      const text = `${chain}: ${nameOf({ head, writer })} came after ${nameOf(last)}`;
      this.#violations.push({ kind: "broken chain", text });
    }
  }
}

function follows({ epoch, sequence }: Head, writer: string, { head, ...last }: Link): boolean {
  if (sequence !== head.sequence + 1) return false;
  return epoch === head.epoch ? writer === last.writer : epoch === head.epoch + 1;
}

function nameOf({ head: { sequence, epoch }, writer }: Link): string {
  return `commit ${sequence} of ${writer} in epoch ${epoch}`;
}
