import type { ByteStream } from "../../environment/environment.ts";

/** The bytes of an answer, or null for a request that gets none (Produce with acks=0). */
export type Answer = readonly Uint8Array[] | null;

/** A write is cut at about this size, so that a slow reader is told from one that reads nothing. */
const WRITE_BYTES_MAX = 1024 * 1024;

/** What an answer queue tells its connection. */
export interface AnswerQueueEvents {
  /** `bytes` joined those that wait for the client to read. */
  queued(bytes: number): void;
  /** `bytes` were taken by the client's side. */
  sent(bytes: number): void;
  /** The stream broke. Nothing more is sent. */
  failed(error: unknown): void;
}

/** The place of one answer in the order of the requests. */
export class Place {
  answer: Answer | undefined = undefined;
  constructor(private readonly queue: AnswerQueue) {}

  /** Gives the answer, once. It is sent when all answers before it have been. */
  fill(answer: Answer): void {
    this.answer = answer;
    this.queue.flush();
  }
}

/** The answers of one connection: given in any order, sent in the order of the requests. */
export class AnswerQueue {
  #places: Place[] = [];
  /** Answers whose turn has come, in slices that wait to be written. */
  #outbox: Uint8Array[] = [];
  #unsentBytes = 0;
  #writing = false;
  #closed = false;
  #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  constructor(
    private readonly stream: Pick<ByteStream, "write">,
    private readonly events: AnswerQueueEvents,
  ) {}

  /** Requests that have a place and no answer, or whose answer waits for an earlier one. */
  get unanswered(): number {
    return this.#places.length;
  }

  /** Bytes of answers that the client's side has not taken yet. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Reserves the next place. */
  reserve(): Place {
    const place = new Place(this);
    this.#places.push(place);
    return place;
  }

  /** Settles as soon as `condition` holds, which is looked at whenever something is answered or sent; or at the close. */
  when(condition: () => boolean): Promise<void> {
    if (this.#closed || condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }));
  }

  /** Drops everything that was not sent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const unsent = this.#unsentBytes;
    this.#unsentBytes = 0;
    this.#outbox = [];
    this.#places = [];
    if (unsent > 0) this.events.sent(unsent);
    this.#wake();
  }

  /** Moves the answers whose turn has come to the outbox. */
  flush(): void {
    if (this.#closed) return;
    let turn = 0;
    for (; turn < this.#places.length; turn++) {
      const { answer } = this.#places[turn];
      if (answer === undefined) break;
      if (answer !== null) this.#send(answer);
    }
    if (turn === 0) return;
    this.#places.splice(0, turn);
    if (!this.#writing && this.#outbox.length > 0) this.#write();
    this.#wake();
  }

  #send(slices: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const slice of slices) {
      this.#outbox.push(slice);
      bytes += slice.length;
    }
    this.#unsentBytes += bytes;
    this.events.queued(bytes);
  }

  /** Writes until the outbox is empty. What is answered meanwhile goes into the next write together. */
  async #write(): Promise<void> {
    this.#writing = true;
    await null; // so that whatever is answered in the same turn, by one commit say, goes into the first write too
    try {
      while (this.#outbox.length > 0) {
        const { slices, bytes } = this.#nextWrite();
        await this.stream.write(slices);
        if (this.#closed) return;
        this.#unsentBytes -= bytes;
        this.events.sent(bytes);
        this.#wake();
      }
    } catch (error) {
      this.events.failed(error);
    } finally {
      this.#writing = false;
    }
  }

  #nextWrite(): { readonly slices: readonly Uint8Array[]; readonly bytes: number } {
    if (this.#unsentBytes <= WRITE_BYTES_MAX) {
      const slices = this.#outbox;
      this.#outbox = [];
      return { slices, bytes: this.#unsentBytes };
    }
    const slices: Uint8Array[] = [];
    let bytes = 0;
    let taken = 0;
    while (taken < this.#outbox.length && bytes < WRITE_BYTES_MAX) {
      const slice = this.#outbox[taken];
      const room = WRITE_BYTES_MAX - bytes;
      if (slice.length > room) {
        slices.push(slice.subarray(0, room));
        this.#outbox[taken] = slice.subarray(room);
        bytes += room;
      } else {
        slices.push(slice);
        bytes += slice.length;
        taken++;
      }
    }
    this.#outbox.splice(0, taken);
    return { slices, bytes };
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter(({ until, resolve }) => {
      if (!this.#closed && !until()) return true;
      resolve();
      return false;
    });
  }
}
