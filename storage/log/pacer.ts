import type { Environment } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";

/** How much is written to a log. */
export interface Traffic {
  /** Batches so far. */
  readonly appends: number;
  /** Bytes of batches so far. */
  readonly appendedBytes: number;
  /** Bytes of batches that are not durable yet. */
  readonly pendingBytes: number;
}

/** How background work goes on. */
interface Gait {
  /** Milliseconds at a stretch. */
  readonly sliceMs: number;
  /** Stored bytes to be read or written at a time. */
  readonly stepBytes: number;
}

/** While no batches come; and while many do, some, or few: a commit of few is short, and must not wait for a long step. */
const IDLE: Gait = { sliceMs: 5, stepBytes: 512 * 1024 };
const BRISK: Gait = { sliceMs: 2, stepBytes: 256 * 1024 };
const STEADY: Gait = { sliceMs: 0.5, stepBytes: 128 * 1024 };
const GENTLE: Gait = { sliceMs: 0.25, stepBytes: 64 * 1024 };

/**
 * The share of time that background work takes while batches come: at least, for all shards together; and at most, for each,
 * since where much is written each must keep up with what comes to it.
 */
const SHARE_MIN = 1 / 20;
const SHARE_MAX = 1 / 2;
/** From this share on work is steady; below it is gentle. */
const SHARE_STEADY = 1 / 10;
/** Milliseconds of work without an end after which its share is twice as large, and the share up to which it grows so. */
const DOUBLED_MS = 60_000;
const SHARE_GROWN_MAX = 1 / 3;
/**
 * Bytes of batches per second for which all of the time would be wanted: about what compaction does in all of it. So what
 * is dirty grows until most of a log is, and no further.
 */
const BYTES_PER_SECOND_FOR_ALL = 50_000_000;
/** Milliseconds over which traffic is measured. */
const MEASURED_MS = 250;
/** A rest is not longer. */
const REST_MS_MAX = 100;
/** Batches may come again when the last one is no older. */
const LINGER_MS = 100;
/** Stored bytes of a step while nobody has to be given way. */
export const STEP_BYTES_MAX = IDLE.stepBytes;

/**
 * Lets the background work of a log give way to its writers. One for all shards: they share a thread and, some of them, a
 * file, and a commit of one waits for that of another.
 */
export class Pacer {
  readonly #environment: Environment;
  readonly #traffic: () => Traffic;
  readonly #paces: Pace[] = [];
  #appends = 0;
  #busyUntilMs = 0;
  #measured = { atMs: 0, appendedBytes: 0, bytesPerMs: 0 };

  constructor(environment: Environment, traffic: () => Traffic) {
    this.#environment = environment;
    this.#traffic = traffic;
  }

  /** The pace of one shard's work. */
  pace(): Pace {
    const pace = new Pace(this, this.#environment);
    this.#paces.push(pace);
    return pace;
  }

  /** The share of time for background work: 1 while no batches come. */
  get share(): number {
    const nowMs = this.#environment.clock.monotonicMs();
    const { appends, appendedBytes, pendingBytes } = this.#traffic();
    if (appends !== this.#appends || pendingBytes > 0) this.#busyUntilMs = nowMs + LINGER_MS;
    this.#appends = appends;
    const { atMs, appendedBytes: before } = this.#measured;
    if (nowMs - atMs >= MEASURED_MS) {
      const bytesPerMs = (appendedBytes - before) / (nowMs - atMs);
      this.#measured = { atMs: nowMs, appendedBytes, bytesPerMs };
    }
    if (nowMs >= this.#busyUntilMs) return 1;
    const wanted = this.#measured.bytesPerMs * 1_000 / BYTES_PER_SECOND_FOR_ALL;
    return Math.min(Math.max(wanted, SHARE_MIN), SHARE_MAX);
  }

  /** How many shards' work is going on. */
  get working(): number {
    return this.#paces.filter(({ working }) => working).length;
  }
}

/** The pace of the background work of one shard, which does one thing after another. */
export class Pace {
  readonly #pacer: Pacer;
  readonly #environment: Environment;
  #begunMs = 0;
  #workedSinceMs = 0;
  #working = false;

  constructor(pacer: Pacer, environment: Environment) {
    this.#pacer = pacer;
    this.#environment = environment;
  }

  /** Whether work is going on. */
  get working(): boolean {
    return this.#working;
  }

  /** Does some work, which pauses between its steps. When it `resumes` what did not come to an end, it has as much time. */
  async during<T>(
    work: () => Promise<T>,
    { resumes = false }: { readonly resumes?: boolean } = {},
  ): Promise<T> {
    this.#workedSinceMs = this.#environment.clock.monotonicMs();
    if (!resumes) this.#begunMs = this.#workedSinceMs;
    this.#working = true;
    try {
      return await work();
    } finally {
      this.#working = false;
    }
  }

  /** Stored bytes to be read or written at a time. */
  get stepBytes(): number {
    return gaitAt(this.#share).stepBytes;
  }

  /** What does not come to an end has too little time, and gets more and more. */
  get #share(): number {
    const { share } = this.#pacer;
    const workingMs = this.#environment.clock.monotonicMs() - this.#begunMs;
    const grown = SHARE_MIN * 2 ** (workingMs / DOUBLED_MS);
    return Math.max(share, Math.min(grown, SHARE_GROWN_MAX));
  }

  /**
   * Called between steps of work: rests when it is time. Work that must keep up with its writers does not `rest`, but lets
   * them come in between.
   */
  async pause({ rest = true }: { readonly rest?: boolean } = {}): Promise<void> {
    const { clock } = this.#environment;
    const workedMs = clock.monotonicMs() - this.#workedSinceMs;
    const { working } = this.#pacer;
    const share = this.#share;
    const gait = gaitAt(share);
    if (workedMs < gait.sliceMs) return;
    const shards = gait === IDLE || gait === BRISK ? 1 : Math.max(1, working);
    const restMs = rest ? workedMs * (1 / share - 1) * shards : 0;
    await sleep(this.#environment, Math.min(restMs, REST_MS_MAX));
    this.#workedSinceMs = clock.monotonicMs();
  }
}

function gaitAt(share: number): Gait {
  if (share === 1) return IDLE;
  if (share === SHARE_MAX) return BRISK;
  return share >= SHARE_STEADY ? STEADY : GENTLE;
}
