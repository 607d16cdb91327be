/**
 * The committer of a shard: one commit in flight, and whatever arrives meanwhile joins the next one.
 *
 * Three kinds of work share the shard's chain of commits: batches; a batch too large for a commit, which is staged first;
 * and upkeep (summaries, tombstones, deletes), which takes turns with the batches.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { invariant, KafkaError } from "../../protocol/errors.ts";
import type { CommitChain } from "../chain/commit_chain.ts";
import { FencedError } from "../chain/commit_chain.ts";
import type { Kv, KvCommit } from "../kv/kv.ts";
import { commitCost } from "../kv/limits.ts";
import { ChunkArena } from "./chunk_arena.ts";
import {
  COMMIT_BYTES_MAX,
  CommitBuilder,
  type NewBatch,
  type SealedChunk,
  type StagedPart,
} from "./commit_builder.ts";
import { chunkKey, chunkRef, stagedKey } from "./keys.ts";
import type { AppendOutcome } from "./partition_log.ts";

/** Milliseconds before upkeep that the store refused is tried again, when no batch comes. */
const UPKEEP_RETRY_MS = 250;
/** Deletes of parts that will never be published, per commit. */
const DISCARDED_PER_COMMIT = 200;
/** Kept free of HEAD and its check. */
const HEAD_BYTES = 1_024;
const TOKEN_BYTES = 16;
/** What a staged part costs beside its value: twice its key, at the longest. */
const PART_KEY_BYTES = 160;

type KvSet = NonNullable<KvCommit["sets"]>[number];

/** A change that is not a batch. Applied whole and in the order given. */
export interface Upkeep {
  readonly sets?: NonNullable<KvCommit["sets"]>;
  readonly deletes?: NonNullable<KvCommit["deletes"]>;
  /** What HEAD says from this change on. */
  readonly state?: Uint8Array;
  /** Called as soon as it is durable, before anything else is committed. */
  readonly applied?: () => void;
}

interface WaitingUpkeep {
  readonly change: Upkeep;
  readonly bytes: number;
  readonly mutations: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** It is not tried again: the store surely did not take it. */
  readonly refused?: () => void;
}

/** What a {@linkcode ShardWriter} works with. */
export interface ShardWriterOptions {
  readonly name: string;
  readonly shard: number;
  readonly kv: Kv;
  readonly chain: CommitChain;
  readonly environment: Environment;
  /** HEAD's state, but for upkeep that brings its own. */
  readonly state: Uint8Array;
  /** Chunks are durable: called before the batches in them are settled. */
  readonly onChunks: (
    sequence: number,
    chunks: readonly SealedChunk[],
    staged: readonly StagedPart[],
  ) => void;
  /** After each commit, whether the store took it or refused it. What it throws stops the writer. */
  readonly onSettled: () => void;
  /** Another process has taken the shard over. */
  readonly onFenced: (error: Error) => void;
}

/** The only writer of a shard. */
export class ShardWriter {
  readonly #options: ShardWriterOptions;
  readonly #arena: ChunkArena;
  readonly #commitBatchBytesMax: number;
  #state: Uint8Array;
  /** Commits being filled, in the order of their batches; the last one is open. */
  #filling: CommitBuilder[] = [];
  #inFlight: CommitBuilder | null = null;
  #upkeep: WaitingUpkeep[] = [];
  /** In the commit under way. */
  #upkeepInFlight: WaitingUpkeep[] = [];
  #upkeepTurn = false;
  #running = false;
  /** The store refused a commit: upkeep waits a little, batches do not. */
  #upkeepHeld = false;
  #stopped: Error | null = null;
  #idle: (() => void)[] = [];
  /** Bytes of batches that are not durable yet. */
  pendingBytes = 0;
  commits = 0;

  constructor(options: ShardWriterOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#arena = new ChunkArena(options.kv.limits.valueBytesMax);
    this.#commitBatchBytesMax = CommitBuilder.batchBytesMax(options.kv.limits);
  }

  /** Why nothing can be written any more; `null` while it can. */
  get stopped(): Error | null {
    return this.#stopped;
  }

  /** Takes a batch: its bytes are copied before this returns. */
  append(batch: NewBatch, bytes: Uint8Array): void {
    const last = this.#filling.at(-1);
    if (!last || !this.#add(last, batch, bytes)) {
      last?.seal(); // chunks share an arena: one is open at a time
      const next = new CommitBuilder(this.#arena, this.#options.kv.limits);
      this.#filling.push(next);
      invariant(this.#add(next, batch, bytes), `A batch of ${bytes.length} bytes fits no commit`);
    }
    this.pendingBytes += bytes.length;
    this.#run();
  }

  /** Commits a change that is not a batch; resolves when it is durable, however often the store refuses it before. */
  maintain(change: Upkeep): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    return new Promise((resolve, reject) => {
      const { bytes, mutations } = commitCost(change);
      this.#upkeep.push({ change, bytes, mutations, resolve, reject });
      this.#run();
    });
  }

  /** Commits a change that can be put off: resolves when it is durable, or to false when the store refuses anything. */
  writeAhead(change: Upkeep): Promise<boolean> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    return new Promise((resolve, reject) => {
      const cost = commitCost(change);
      const refused = () => resolve(false);
      this.#upkeep.push({ change, ...cost, resolve: () => resolve(true), reject, refused });
      this.#run();
    });
  }

  /** Resolves when everything that was handed over is settled. Upkeep that the store refuses now is left undone. */
  drain(): Promise<void> {
    return this.#running ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  /** Stops for good: what is in flight or waiting fails. */
  stop(error: Error): void {
    if (this.#stopped) return;
    this.#stopped = error;
    try {
      this.#failAll(error);
    } catch (cause) {
      const message = `${this.#options.name}: batches could not be told that they failed`;
      this.#options.environment.log.write("error", message, { error: cause });
    }
    const upkeep = [...this.#upkeepInFlight, ...this.#upkeep];
    this.#upkeepInFlight = [];
    this.#upkeep = [];
    for (const { reject } of upkeep) reject(error);
  }

  #add(commit: CommitBuilder, batch: NewBatch, bytes: Uint8Array): boolean {
    if (bytes.length <= this.#commitBatchBytesMax) return commit.add(batch, bytes);
    return commit.addStaged(batch, bytes, this.#options.environment.random.bytes(TOKEN_BYTES));
  }

  /** Starts to commit, if nothing is under way. Nobody waits for this: whatever throws in it stops the writer. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    await null; // so that everything of the same turn joins the first commit
    while (!this.#stopped && (this.#filling.length > 0 || this.#upkeepIsDue)) {
      try {
        await this.#commitNext();
        this.#options.onSettled();
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #commitNext(): Promise<void> {
    const upkeepOnly = this.#upkeepIsDue && (this.#upkeepTurn || this.#filling.length === 0);
    this.#upkeepTurn = !upkeepOnly;
    const data = upkeepOnly ? null : this.#filling.shift()!;
    this.#inFlight = data;
    const chunks = data?.seal() ?? [];
    const upkeep = data ? [] : this.#takeUpkeep();
    this.#upkeepInFlight = upkeep;
    const sequence = this.#options.chain.sequence + 1;
    const parts = data ? this.#stagedSets(data, sequence) : [];
    const last = data ? this.#lastParts(data) : 0;
    if (!await this.#stage(data, parts.slice(0, parts.length - last))) return;

    const state = upkeep.findLast(({ change }) => change.state)?.change.state ?? this.#state;
    const outcome = await this.#options.chain.commit({
      sets: [
        ...chunks.map(({ bytes }, n) => ({
          key: chunkKey(this.#options.shard, sequence, n),
          value: bytes,
        })),
        ...parts.slice(parts.length - last),
        ...upkeep.flatMap(({ change }) => change.sets ?? []),
      ],
      deletes: upkeep.flatMap(({ change }) => change.deletes ?? []),
    }, state);
    if (this.#stopped) return; // what was in flight was failed then
    this.#inFlight = null;
    if (outcome.kind === "refused") return this.#refused(data, upkeep, outcome.error);

    this.commits++;
    this.#state = state;
    this.#upkeepHeld = false;
    this.#settle(data, chunks, sequence);
    for (const { change, resolve } of upkeep) {
      change.applied?.();
      resolve();
    }
    this.#upkeepInFlight = [];
  }

  get #upkeepIsDue(): boolean {
    return this.#upkeep.length > 0 && !this.#upkeepHeld;
  }

  #putOffUpkeep(): void {
    if (this.#upkeepHeld) return;
    this.#upkeepHeld = true;
    this.#options.environment.timers.schedule(UPKEEP_RETRY_MS, () => {
      this.#upkeepHeld = false;
      this.#run();
    });
  }

  #takeUpkeep(): WaitingUpkeep[] {
    const { limits } = this.#options.kv;
    let bytes = HEAD_BYTES;
    let mutations = 1;
    let count = 0;
    for (const waiting of this.#upkeep) {
      bytes += waiting.bytes;
      mutations += waiting.mutations;
      const fits = bytes <= Math.min(limits.commitBytesMax, COMMIT_BYTES_MAX) &&
        mutations <= limits.commitMutationsMax;
      if (count > 0 && !fits) break;
      count++;
    }
    return this.#upkeep.splice(0, count);
  }

  #stagedSets({ staged }: CommitBuilder, sequence: number): KvSet[] {
    const { shard } = this.#options;
    return staged.map(({ token, n, bytes }) => ({
      key: stagedKey(shard, sequence, token, n),
      value: bytes,
    }));
  }

  /** How many of the parts the publishing commit itself has room for. */
  #lastParts({ staged, left }: CommitBuilder): number {
    return Math.min(staged.length, Math.floor(left / this.#partCost));
  }

  get #partCost(): number {
    return this.#options.kv.limits.valueBytesMax + PART_KEY_BYTES;
  }

  /** Writes parts of large batches where only the commit that follows makes them part of the log. */
  async #stage(data: CommitBuilder | null, parts: readonly KvSet[]): Promise<boolean> {
    const { kv, chain } = this.#options;
    const capacity = Math.min(kv.limits.commitBytesMax, COMMIT_BYTES_MAX) - HEAD_BYTES;
    const perCommit = Math.max(1, Math.floor(capacity / this.#partCost));
    for (let at = 0; at < parts.length; at += perCommit) {
      const outcome = await chain.commitAside({ sets: parts.slice(at, at + perCommit) });
      if (this.#stopped) return false;
      if (outcome.kind === "ok") continue;
      this.#refused(data, [], outcome.error);
      return false;
    }
    return true;
  }

  #settle(data: CommitBuilder | null, chunks: readonly SealedChunk[], sequence: number): void {
    if (!data) return;
    this.pendingBytes -= data.bytes;
    this.#options.onChunks(sequence, chunks, data.staged);
    for (const { batch, sizeBytes, n } of data.batches) {
      batch.owner.committed(
        batch,
        sizeBytes,
        chunkRef(sequence, n),
        chunks[n].locals.get(batch.owner.id)!,
      );
    }
  }

  /** The store surely did not take a commit. */
  #refused(data: CommitBuilder | null, upkeep: WaitingUpkeep[], error: Error): void {
    this.#upkeepInFlight = [];
    const waiting = [...upkeep, ...this.#upkeep];
    this.#upkeep = waiting.filter(({ refused }) => !refused);
    for (const { refused } of waiting) refused?.();
    if (data) {
      const parts = this.#stagedSets(data, this.#options.chain.sequence + 1);
      this.#discard(parts.map(({ key }) => key));
    }
    this.#options.environment.log.write(
      "error",
      `${this.#options.name}: the store refused a commit`,
      {
        error,
      },
    );
    this.#inFlight = data;
    this.#failAll(
      new KafkaError("KAFKA_STORAGE_ERROR", `The store refused: ${error.message}`, {
        cause: error,
      }),
    );
    this.#putOffUpkeep();
  }

  /** Has staged parts deleted that will never be published. */
  #discard(keys: readonly Uint8Array[]): void {
    const max = DISCARDED_PER_COMMIT;
    for (let at = 0; at < keys.length; at += max) {
      this.maintain({ deletes: keys.slice(at, at + max) }).catch(() => {}); // swept at the next start
    }
  }

  /** Fails every batch that is not durable: those behind a failed one have offsets that cannot be. */
  #failAll(error: Error): void {
    const commits = this.#inFlight ? [this.#inFlight, ...this.#filling] : this.#filling;
    this.#inFlight = null;
    this.#filling = [];
    this.pendingBytes = 0;
    commits.forEach((commit) => commit.seal());
    const batches = commits.flatMap((commit) => commit.batches);
    for (const owner of new Set(batches.map(({ batch }) => batch.owner))) owner.revert();
    const outcome: AppendOutcome = { kind: "failed", error };
    for (const { batch } of batches) batch.owner.fail(outcome);
  }

  #fail(error: unknown): void {
    const { name, environment } = this.#options;
    if (error instanceof FencedError) {
      environment.log.write("error", `${name}: another process writes it now; this one stops`, {
        error,
      });
      const fenced = new KafkaError("NOT_LEADER_OR_FOLLOWER", error.message, { cause: error });
      this.stop(fenced);
      try {
        this.#options.onFenced(fenced);
      } catch (error) {
        environment.log.write("error", `${name}: a callback failed`, { error });
      }
    } else {
      environment.log.write("error", `${name}: the committer failed`, { error });
      this.stop(
        new KafkaError("KAFKA_STORAGE_ERROR", `${name} stopped: ${error}`, { cause: error }),
      );
    }
  }
}
