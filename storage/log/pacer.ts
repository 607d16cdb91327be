import type { Environment } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";

/** How much is written to a log. */
export interface Traffic {
  /** Batches so far. */
  readonly appends: number;
  /** Bytes of batches that are not durable yet. */
  readonly pendingBytes: number;
}

/** Milliseconds of background work at a stretch: while batches come, and while none do. */
const BUSY_SLICE_MS = 2;
const IDLE_SLICE_MS = 5;
/** Work rests so many times as long as it took, while batches come: it gets a third of the time, but never less. */
const REST = 2;
const REST_MS_MAX = 40;
/** Batches may come again when the last one is no older. */
const LINGER_MS = 100;

/**
 * Lets the background work of a log give way to its writers. One for all shards: they share a thread and, some of them, a
 * file, and a commit of one waits for that of another.
 */
export class Pacer {
  readonly #environment: Environment;
  readonly #traffic: () => Traffic;
  #workedSinceMs = 0;
  #appends = 0;
  #busyUntilMs = 0;

  constructor(environment: Environment, traffic: () => Traffic) {
    this.#environment = environment;
    this.#traffic = traffic;
  }

  /** Whether batches are coming: then work is done in small steps. */
  get busy(): boolean {
    const nowMs = this.#environment.clock.monotonicMs();
    const { appends, pendingBytes } = this.#traffic();
    if (appends !== this.#appends || pendingBytes > 0) this.#busyUntilMs = nowMs + LINGER_MS;
    this.#appends = appends;
    return nowMs < this.#busyUntilMs;
  }

  /**
   * Called between steps of work: rests when it is time. Work that must keep up with its writers does not `rest`, but lets
   * them come in between.
   */
  async pause({ rest = true }: { readonly rest?: boolean } = {}): Promise<void> {
    const { clock } = this.#environment;
    const workedMs = clock.monotonicMs() - this.#workedSinceMs;
    if (workedMs < BUSY_SLICE_MS) return;
    const { busy } = this;
    if (!busy && workedMs < IDLE_SLICE_MS) return;
    await sleep(this.#environment, busy && rest ? Math.min(workedMs * REST, REST_MS_MAX) : 0);
    this.#workedSinceMs = clock.monotonicMs();
  }
}
