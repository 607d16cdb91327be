import type { Clock } from "../../environment/environment.ts";

/** How long a frame may take over what it was granted while others wait: this, and a second per 64 KiB. */
const GRACE_MS = 5_000;
const SLOWEST_BYTES_PER_MS = 64;
/** A frame that holds memory and has to wait, for more of it or for its turn, gives up what it holds after so long. */
const WAIT_MS_MAX = 30_000;
/** Frames that announce more share half of the memory, so that they never take it all from ordinary ones. */
const ORDINARY_BYTES_MAX = 2 * 1024 * 1024;

/**
 * The memory for large requests, shared by all connections of a server.
 *
 * A frame is granted memory piece by piece, as its bytes arrive. When nothing is left, frames wait, but for the oldest one
 * that is still being received: that one may overdraw as long as all others together keep to the limit, so that somebody
 * always gets on, and never is more held than the limit and one frame. While anyone waits, a frame that does not fill what
 * it was granted in time is evicted, and one that holds memory and has waited for long, for more or, complete, for the
 * answers to earlier requests of its connection: its connection is closed. Nothing was begun of such a frame. What was
 * begun ends, or parks and gives its memory back.
 */
export class RequestMemory {
  #heldBytes = 0;
  /** Frames that hold or want memory and are still being received, oldest first. */
  readonly #receiving = new Set<Lease>();
  /** Complete frames whose turn has not come, oldest first. */
  readonly #complete = new Set<Lease>();
  #waiting: Lease[] = [];
  readonly #owner: LeaseOwner = {
    grow: (lease, bytes) => this.#grow(lease, bytes),
    received: (lease) => this.#received(lease),
    started: (lease) => this.#complete.delete(lease),
    release: (lease) => this.#release(lease),
  };

  constructor(
    private readonly bytesMax: number,
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly onContested: () => void,
  ) {}

  /** Bytes granted and not given back. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a frame waits for memory. */
  get contested(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * A share for one frame, empty at first.
   *
   * @param frameBytes the size that was announced
   * @param evict called when the frame's connection has to go
   */
  lease(frameBytes: number, evict: () => void): FrameLease {
    const bytesMax = frameBytes > ORDINARY_BYTES_MAX ? this.bytesMax / 2 : this.bytesMax;
    return new Lease(bytesMax, this.#owner, evict);
  }

  /** Evicts the frames that keep memory from others. */
  evictStalled(): void {
    if (!this.contested) return;
    const nowMs = this.clock.monotonicMs();
    for (const lease of [...this.#complete, ...this.#receiving]) {
      if (lease.heldBytes > 0 && nowMs >= lease.evictAtMs) lease.evict();
    }
  }

  #grow(lease: Lease, bytes: number): Promise<void> | void {
    lease.wantedBytes = bytes;
    this.#receiving.add(lease);
    if (this.#mayTake(lease)) return this.#take(lease);
    lease.evictAtMs = this.clock.monotonicMs() + WAIT_MS_MAX;
    const woken = new Promise<void>((resolve) => lease.wake = resolve);
    this.#waiting.push(lease);
    this.onContested();
    return woken;
  }

  #received(lease: Lease): void {
    this.#receiving.delete(lease);
    if (lease.heldBytes > 0) this.#complete.add(lease);
    lease.evictAtMs = this.clock.monotonicMs() + WAIT_MS_MAX;
    this.#wake();
  }

  #release(lease: Lease): void {
    this.#heldBytes -= lease.heldBytes;
    lease.heldBytes = 0;
    this.#receiving.delete(lease);
    this.#complete.delete(lease);
    const wake = lease.wake;
    lease.wake = null;
    if (wake !== null) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== lease);
      wake();
    }
    this.#wake();
  }

  #mayTake(lease: Lease): boolean {
    if (this.#heldBytes + lease.wantedBytes <= lease.bytesMax) return true;
    const [oldest] = this.#receiving;
    return lease === oldest && this.#heldBytes - lease.heldBytes <= this.bytesMax;
  }

  #take(lease: Lease): void {
    const { wantedBytes } = lease;
    this.#heldBytes += wantedBytes;
    lease.heldBytes += wantedBytes;
    lease.evictAtMs = this.clock.monotonicMs() + GRACE_MS + wantedBytes / SLOWEST_BYTES_PER_MS;
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((lease) => {
      if (!this.#mayTake(lease)) return true;
      this.#take(lease);
      const wake = lease.wake;
      lease.wake = null;
      wake?.();
      return false;
    });
  }
}

/** What one frame holds of the request memory. */
export interface FrameLease {
  /** Takes `bytes` more, at once or when they are free. */
  grow(bytes: number): Promise<void> | void;
  /** Tells that the frame has arrived: it holds its bytes, and waits for its turn. */
  received(): void;
  /** Tells that its turn has come: from now on it ends by itself, and is not evicted. */
  started(): void;
  /** Gives everything back. Idempotent. */
  release(): void;
}

/** What a lease asks of the memory that it is of. */
interface LeaseOwner {
  grow(lease: Lease, bytes: number): Promise<void> | void;
  received(lease: Lease): void;
  started(lease: Lease): void;
  release(lease: Lease): void;
}

class Lease implements FrameLease {
  heldBytes = 0;
  wantedBytes = 0;
  /** From then on it has to go while others wait. */
  evictAtMs = Infinity;
  /** Set while it waits for memory. */
  wake: (() => void) | null = null;

  constructor(
    /** It is granted no more while all together hold this. */
    readonly bytesMax: number,
    private readonly owner: LeaseOwner,
    readonly evict: () => void,
  ) {}

  grow(bytes: number): Promise<void> | void {
    return this.owner.grow(this, bytes);
  }

  received(): void {
    this.owner.received(this);
  }

  started(): void {
    this.owner.started(this);
  }

  release(): void {
    this.owner.release(this);
  }
}
