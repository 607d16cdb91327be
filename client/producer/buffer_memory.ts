import type { Environment, Timer } from "../../environment/environment.ts";
import { timedOut } from "../errors.ts";
import { Fifo } from "../fifo.ts";

interface Waiting {
  readonly bytes: number;
  readonly resolve: () => void;
  readonly timer: Timer;
}

/** The bytes that records may take up until they are acknowledged. Who finds it full waits, first come first served. */
export class BufferMemory {
  readonly #environment: Pick<Environment, "timers">;
  readonly #bytesMax: number;
  #used = 0;
  /** Bytes of records that are to come in, but have not asked for them yet. */
  #announced = 0;
  readonly #waiting = new Fifo<Waiting>();
  #onRoom: (() => void)[] = [];

  constructor(environment: Pick<Environment, "timers">, bytesMax: number) {
    this.#environment = environment;
    this.#bytesMax = bytesMax;
  }

  /** Whether somebody waits. */
  get isScarce(): boolean {
    return this.#waiting.size > 0;
  }

  /** Settles when there is room, also for what was announced. */
  room(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#onRoom.push(resolve));
  }

  /** Somebody will want so many bytes. */
  announce(bytes: number): void {
    this.#announced += bytes;
  }

  /** Who announced so many bytes has got them, or does not want them any more. */
  withdraw(bytes: number): void {
    this.#announced -= bytes;
    this.#admit();
  }

  /** Takes bytes if they are there and nobody waits for them. */
  tryReserve(bytes: number): boolean {
    if (this.#waiting.size > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  /**
   * Takes bytes as soon as they are there.
   *
   * @throws {KafkaError} REQUEST_TIMED_OUT after `timeoutMs`
   */
  reserve(bytes: number, timeoutMs: number): Promise<void> {
    if (this.tryReserve(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        resolve,
        timer: this.#environment.timers.schedule(Math.max(0, timeoutMs), () => {
          this.#waiting.remove(waiting);
          reject(timedOut(`No room for ${bytes} bytes in the buffer of ${this.#bytesMax} bytes`));
          this.#admit();
        }),
      };
      this.#waiting.push(waiting);
    });
  }

  /** Gives bytes back. */
  release(bytes: number): void {
    this.#used -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (
      let next = this.#waiting.first;
      next && this.#fits(next.bytes);
      next = this.#waiting.first
    ) {
      const { bytes, resolve, timer } = next;
      this.#waiting.shift();
      timer.cancel();
      this.#used += bytes;
      resolve();
    }
    if (!this.#hasRoom()) return;
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.#bytesMax;
  }

  #hasRoom(): boolean {
    return this.#waiting.size === 0 && this.#used + this.#announced < this.#bytesMax;
  }
}
