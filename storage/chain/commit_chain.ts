/**
 * A chain of commits: how one writer changes its part of a store, safe against lost answers, resends and zombies.
 *
 * Every commit checks *and rewrites* the chain's HEAD, and leaves a token there that no other commit has. So commits form
 * one chain without gap, overlap or repetition; a blind resend applies at most once; and a writer that was replaced finds
 * its check broken and stops for good. Never is "not applied" concluded from a HEAD that looks unchanged: an earlier
 * send of the same bytes may still arrive.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Kv, KvCommit } from "../kv/kv.ts";
import { decodeHead, encodeHead, type Head } from "./head.ts";

/** Someone else writes this chain now. The writer must never write again. */
export class FencedError extends Error {
  constructor(chain: string, epoch: number, found: Head | null) {
    super(
      `${chain} was taken over: this writer is at epoch ${epoch}, the store at ${
        found?.epoch ?? "none"
      }`,
    );
    this.name = "FencedError";
  }
}

/** What became of a commit of a chain. After `refused` the chain stands where it was; any doubt was waited out. */
export type ChainOutcome = { readonly kind: "ok" } | {
  readonly kind: "refused";
  readonly error: Error;
};

/** Where a chain lives, and who writes it. */
export interface ChainOptions {
  /** For messages: `metadata`, `shard 3`. */
  readonly name: string;
  readonly kv: Kv;
  readonly headKey: Uint8Array;
  readonly environment: Environment;
}

/** Milliseconds before an unanswered commit is sent again: first, and at most. */
const RESEND_FIRST_MS = 10;
const RESEND_MAX_MS = 1_000;

/** The one writer of a chain of commits. */
export class CommitChain {
  #head: Head;
  #version: string;
  #fenced: FencedError | null = null;
  #busy = false;

  private constructor(private readonly options: ChainOptions, head: Head, version: string) {
    this.#head = head;
    this.#version = version;
  }

  /**
   * Takes the chain over: its epoch rises by one (a new chain begins at 0), and whoever wrote it before is fenced.
   *
   * @throws FencedError when another takeover wins at the same time
   * @throws KafkaError KAFKA_STORAGE_ERROR when the store refuses
   */
  static async takeOver(options: ChainOptions): Promise<CommitChain> {
    const { kv, headKey, name } = options;
    const [entry] = await kv.get([headKey]);
    const before = entry && decodeHead(entry.value);
    const chain = new CommitChain(
      options,
      before ?? { epoch: -1, sequence: -1, token: new Uint8Array(16), state: new Uint8Array(0) },
      entry?.version ?? "",
    );
    const outcome = await chain.#write(
      {},
      chain.#head.epoch + 1,
      chain.#head.state,
      entry === null,
    );
    if (outcome.kind === "refused") {
      throw new KafkaError(
        "KAFKA_STORAGE_ERROR",
        `Cannot take over ${name}: ${outcome.error.message}`,
        {
          cause: outcome.error,
        },
      );
    }
    return chain;
  }

  /** How often this chain was taken over before. */
  get epoch(): number {
    return this.#head.epoch;
  }

  /** That another writer has taken the chain over, once that is known. */
  get fenced(): FencedError | null {
    return this.#fenced;
  }

  /** Whether another writer has taken the chain over by now: asks the store. @throws when that cannot be read. */
  async isTakenOver(): Promise<boolean> {
    const { kv, headKey } = this.options;
    const [entry] = await kv.get([headKey]);
    return entry === null || decodeHead(entry.value).epoch !== this.epoch;
  }

  /** The number of the last commit; the takeover is one too. */
  get sequence(): number {
    return this.#head.sequence;
  }

  /** What the last commit left in HEAD for whoever loads the chain. */
  get state(): Uint8Array {
    return this.#head.state;
  }

  /**
   * Commits `change` and, in HEAD, `state`. One at a time. Settles only when the outcome is sure.
   *
   * @throws FencedError when this writer was replaced, now or earlier
   */
  commit(
    change: Omit<KvCommit, "checks">,
    state: Uint8Array = this.#head.state,
  ): Promise<ChainOutcome> {
    return this.#write(change, this.#head.epoch, state, false);
  }

  /**
   * Commits sets under the same check, without a new link: for what only the next link makes visible. A resend changes
   * nothing, and a writer that was replaced is refused here too.
   *
   * @throws FencedError when this writer was replaced, now or earlier
   */
  commitAside(change: Omit<KvCommit, "checks">): Promise<ChainOutcome> {
    return this.#alone(() => {
      const { headKey } = this.options;
      return this.#send(
        { checks: [{ key: headKey, version: this.#version }], ...change },
        this.#head,
      );
    });
  }

  #write(
    change: Omit<KvCommit, "checks">,
    epoch: number,
    state: Uint8Array,
    first: boolean,
  ): Promise<ChainOutcome> {
    return this.#alone(() => {
      const { headKey, environment } = this.options;
      const head: Head = {
        epoch,
        sequence: this.#head.sequence + 1,
        token: environment.random.bytes(16),
        state,
      };
      return this.#send({
        checks: [{ key: headKey, version: first ? null : this.#version }],
        sets: [{ key: headKey, value: encodeHead(head) }, ...change.sets ?? []],
        deletes: change.deletes ?? [],
      }, head);
    });
  }

  async #alone(write: () => Promise<ChainOutcome>): Promise<ChainOutcome> {
    if (this.#fenced) throw this.#fenced;
    if (this.#busy) throw new Error(`${this.options.name}: one commit at a time`);
    this.#busy = true;
    try {
      return await write();
    } finally {
      this.#busy = false;
    }
  }

  /** Sends identical bytes until the answer is sure. After it HEAD is `head`, or what it was. */
  async #send(commit: KvCommit, head: Head): Promise<ChainOutcome> {
    const { kv, environment, name } = this.options;
    let doubt = false;
    for (let delayMs = RESEND_FIRST_MS;; delayMs = Math.min(delayMs * 2, RESEND_MAX_MS)) {
      const outcome = await kv.commit(commit);
      if (outcome.kind === "ok") {
        return this.#advance(head, head === this.#head ? this.#version : outcome.version);
      }
      // A refusal tells of this sending only: an earlier one without answer may have been applied, or may yet be.
      if (outcome.kind === "refused" && !doubt) return outcome;
      if (outcome.kind === "conflict") {
        return head === this.#head ? await this.#fence() : await this.#resolveConflict(head);
      }
      doubt = true;
      environment.log.write(
        "warn",
        `${name}: the store did not answer a commit; sending it again`,
        { error: outcome.error, delayMs },
      );
      await sleep(environment, delayMs);
    }
  }

  /** A check did not hold: either an earlier send of this very commit was applied, or somebody else wrote. */
  async #resolveConflict(head: Head): Promise<ChainOutcome> {
    const entry = await this.#readHead();
    const found = entry && decodeHead(entry.value);
    if (entry && found && sameToken(found.token, head.token)) {
      return this.#advance(head, entry.version);
    }
    return this.#fence(head.epoch, found);
  }

  async #fence(epoch = this.#head.epoch, found?: Head | null): Promise<never> {
    if (found === undefined) {
      const entry = await this.#readHead();
      found = entry && decodeHead(entry.value);
    }
    this.#fenced = new FencedError(this.options.name, epoch, found);
    throw this.#fenced;
  }

  async #readHead() {
    const { kv, headKey, environment, name } = this.options;
    for (let delayMs = RESEND_FIRST_MS;; delayMs = Math.min(delayMs * 2, RESEND_MAX_MS)) {
      try {
        return (await kv.get([headKey]))[0];
      } catch (error) {
        environment.log.write("warn", `${name}: cannot read HEAD; reading again`, {
          error,
          delayMs,
        });
        await sleep(environment, delayMs);
      }
    }
  }

  #advance(head: Head, version: string): ChainOutcome {
    this.#head = head;
    this.#version = version;
    return { kind: "ok" };
  }
}

function sameToken(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
