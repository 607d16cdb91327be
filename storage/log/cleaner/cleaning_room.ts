/**
 * What the cleaner may write on a disk that is nearly full. It writes anew before it deletes, and must neither take the
 * room that batches could have, nor that which deleting needs (`odradek.disk.reserve.bytes`).
 *
 * - A job that surely fits, with half of the reserve left, may begin: it frees more than it takes.
 * - Another job may begin while there is well more than the reserve, in the hope that it drops much of what it reads. It is
 *   given up before batches would have to be refused, and not tried again soon.
 *
 * @module
 */
import type { Clock } from "../../../environment/environment.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import type { DiskReserve } from "../disk_reserve.ts";

/** Milliseconds until jobs are tried again after one was given up; four times as many each time, up to a bound. */
const HELD_MS = 4_000;
const HELD_MS_MAX = 300_000;

/** What the cleaner asks of the disk. */
export type Reserve = Pick<DiskReserve, "spareBytes" | "reserveBytes" | "noteWritten">;

/** There is no room to clean: to be tried again when there is. */
export class NoRoomError extends KafkaError {
  constructor(message: string) {
    super("KAFKA_STORAGE_ERROR", message);
    this.name = "NoRoomError";
  }
}

/** The room for one shard's jobs. */
export class CleaningRoom {
  readonly #reserve: Reserve;
  readonly #sure: Hold;
  readonly #hopeful: Hold;

  constructor(reserve: Reserve, clock: Clock) {
    this.#reserve = reserve;
    this.#sure = new Hold(clock);
    this.#hopeful = new Hold(clock);
  }

  /** Whether batches are refused because of the disk. */
  get isShort(): boolean {
    return this.#reserve.spareBytes < 0;
  }

  /** Bytes of jobs that surely fit; Infinity when nobody can tell how much is free. */
  get sureBytes(): number {
    return this.#reserve.spareBytes + this.#reserve.reserveBytes / 2;
  }

  /** How many bytes over the reserve a job must leave that writes up to `bytes`; null when it may not begin now. */
  spareMinOf(bytes: number): number | null {
    const { spareBytes, reserveBytes } = this.#reserve;
    if (bytes <= this.sureBytes) return this.#sure.lasts ? null : -reserveBytes / 2;
    const spareMin = reserveBytes / 4;
    return spareBytes < spareMin || this.#hopeful.lasts ? null : spareMin;
  }

  /**
   * A job is about to write `bytes`.
   *
   * @throws NoRoomError when less would be left than it must leave.
   */
  take(bytes: number, spareMin: number): void {
    const { spareBytes } = this.#reserve;
    if (spareBytes - bytes < spareMin) {
      throw new NoRoomError(`The disk has ${spareBytes} bytes over its reserve, not ${spareMin}`);
    }
    this.#reserve.noteWritten(bytes);
  }

  /** A job that had to leave `spareMin` was given up for lack of room, or carried out. */
  ended(spareMin: number, done: boolean): void {
    const hold = spareMin > 0 ? this.#hopeful : this.#sure;
    if (done) hold.end();
    else hold.prolong();
  }
}

/** A pause that grows with each failure. */
class Hold {
  #failures = 0;
  #untilMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  get lasts(): boolean {
    return this.clock.monotonicMs() < this.#untilMs;
  }

  prolong(): void {
    const heldMs = Math.min(HELD_MS_MAX, HELD_MS * 4 ** this.#failures++);
    this.#untilMs = this.clock.monotonicMs() + heldMs;
  }

  end(): void {
    this.#failures = 0;
    this.#untilMs = -Infinity;
  }
}
