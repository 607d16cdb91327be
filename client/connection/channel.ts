import type { ByteStream, Environment, Timer } from "../../environment/environment.ts";
import type { KafkaError } from "../../protocol/errors.ts";
import { correlationIdOf } from "../../protocol/frames.ts";
import { asError, cannot, disconnected, timedOut } from "../errors.ts";
import { Fifo } from "../fifo.ts";
import { FrameReader } from "./frame_reader.ts";

/** How a channel works. */
export interface ChannelOptions {
  readonly environment: Environment;
  /** For messages: `127.0.0.1:9092`. */
  readonly peer: string;
  /** Requests on the wire without an answer; more wait their turn, in order. */
  readonly inFlightMax: number;
  /** Largest answer, in bytes. */
  readonly responseBytesMax: number;
}

/** One request to be sent. */
export interface Call<T> {
  /** For messages: `Produce v13`. */
  readonly what: string;
  /** Milliseconds until the answer must be there, counted from now. */
  readonly timeoutMs: number;
  /** The whole frame, size included. */
  encode(correlationId: number): readonly Uint8Array[];
  /** Makes the answer of its frame; null = the broker does not answer this request. */
  readonly decode: ((frame: Uint8Array) => T) | null;
}

interface Pending {
  readonly call: Call<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  timer: Timer | null;
  correlationId: number;
}

/** Correlation ids are int32; they begin again before they get negative. */
const CORRELATION_ID_MAX = 0x7fff_ffff;

/**
 * One connection as an ordered exchange of frames: any number of requests are on their way at once, answers come in the
 * order of the requests. Whatever breaks that order (a wrong correlation id, an answer that cannot be read or does not
 * come) closes the connection, and all that are waiting get NETWORK_EXCEPTION.
 */
export class Channel {
  readonly #stream: ByteStream;
  readonly #options: ChannelOptions;
  /** Not sent yet. */
  readonly #waiting = new Fifo<Pending>();
  /** Sent, oldest first. */
  readonly #inFlight = new Fifo<Pending>();
  #outgoing: Uint8Array[] = [];
  /** Sent without an answer to come; done when the bytes are out. */
  readonly #unanswered = new Fifo<Pending>();
  #writing = false;
  #nextCorrelationId = 0;
  #throttle: Timer | null = null;
  /** When the throttle ends, by the monotonic clock. */
  #throttledUntilMs = -Infinity;
  #failure: KafkaError | null = null;
  readonly #onClose = new Set<(error: KafkaError) => void>();
  /** When the last request was sent or answered, by the monotonic clock. */
  lastUsedMs: number;

  constructor(stream: ByteStream, options: ChannelOptions) {
    this.#stream = stream;
    this.#options = options;
    this.lastUsedMs = options.environment.clock.monotonicMs();
    this.#read();
  }

  /** Requests without an answer so far, those that wait their turn included. */
  get inFlight(): number {
    return this.#waiting.size + this.#inFlight.size + this.#unanswered.size;
  }

  /** Why it is closed; null while it is open. */
  get failure(): KafkaError | null {
    return this.#failure;
  }

  /**
   * Sends a request and returns its answer.
   *
   * @throws {KafkaError} NETWORK_EXCEPTION when the connection breaks, REQUEST_TIMED_OUT when no answer comes in time, and
   * what encoding and decoding throw
   */
  exchange<T>(call: Call<T>): Promise<T> {
    if (this.#failure !== null) return Promise.reject(cannot(`send ${call.what}`, this.#failure));
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        call,
        resolve: resolve as (value: unknown) => void,
        reject,
        timer: null,
        correlationId: -1,
      };
      pending.timer = this.#options.environment.timers.schedule(
        call.timeoutMs,
        () => this.#expire(pending),
      );
      this.#waiting.push(pending);
      this.#send();
    });
  }

  /** Sends nothing for `ms`, or longer if that was asked for before: the broker wants it (KIP-219). */
  throttle(ms: number): void {
    const { clock, timers } = this.#options.environment;
    const untilMs = clock.monotonicMs() + ms;
    if (ms <= 0 || untilMs <= this.#throttledUntilMs || this.#failure !== null) return;
    this.#throttledUntilMs = untilMs;
    this.#throttle?.cancel();
    this.#throttle = timers.schedule(ms, () => {
      this.#throttle = null;
      this.#send();
    });
  }

  /** Calls `callback` once, when the connection is closed, whoever closes it. */
  onClose(callback: (error: KafkaError) => void): void {
    if (this.#failure !== null) callback(this.#failure);
    else this.#onClose.add(callback);
  }

  /** Closes the connection; all that are waiting get NETWORK_EXCEPTION. */
  close(reason = "it was closed", cause?: unknown): void {
    if (this.#failure !== null) return;
    const failure = disconnected(`Connection to ${this.#options.peer}: ${reason}`, cause);
    this.#failure = failure;
    this.#throttle?.cancel();
    this.#stream.close();
    const lost = [this.#unanswered, this.#inFlight, this.#waiting].flatMap((calls) =>
      calls.drain()
    );
    this.#outgoing = [];
    for (const { call, timer, reject } of lost) {
      timer?.cancel();
      reject(cannot(`get an answer to ${call.what}`, failure));
    }
    for (const callback of this.#onClose) callback(failure);
    this.#onClose.clear();
  }

  /** Moves as many requests as may be in flight from waiting to the wire. */
  #send(): void {
    if (this.#throttle !== null) return;
    while (this.#waiting.size > 0 && this.#inFlight.size < this.#options.inFlightMax) {
      const pending = this.#waiting.shift()!;
      const correlationId = this.#nextCorrelationId;
      try {
        this.#outgoing.push(...pending.call.encode(correlationId));
      } catch (error) {
        pending.timer?.cancel();
        pending.reject(cannot(`send ${pending.call.what}`, error));
        continue;
      }
      pending.correlationId = correlationId;
      this.#nextCorrelationId = correlationId === CORRELATION_ID_MAX ? 0 : correlationId + 1;
      (pending.call.decode === null ? this.#unanswered : this.#inFlight).push(pending);
    }
    if (!this.#writing && this.#outgoing.length > 0) this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    this.lastUsedMs = this.#options.environment.clock.monotonicMs();
    try {
      while (this.#outgoing.length > 0) {
        const chunks = this.#outgoing;
        const last = this.#unanswered.last;
        this.#outgoing = [];
        await this.#stream.write(chunks);
        if (last !== undefined) this.#settleUnanswered(last);
      }
    } catch (error) {
      this.close(`writing failed: ${asError(error).message}`, error);
    } finally {
      this.#writing = false;
    }
  }

  /** The bytes of these requests are out, up to `last`. */
  #settleUnanswered(last: Pending): void {
    for (let call = this.#unanswered.shift(); call !== undefined; call = this.#unanswered.shift()) {
      call.timer?.cancel();
      call.resolve(undefined);
      if (call === last) return;
    }
  }

  async #read(): Promise<void> {
    const frames = new FrameReader(this.#stream, this.#options.responseBytesMax);
    try {
      for (let frame = await frames.next(); frame !== null; frame = await frames.next()) {
        if (this.#failure !== null) return;
        this.#receive(frame);
      }
      this.close("the broker closed it");
    } catch (error) {
      this.close(asError(error).message, error);
    }
  }

  #receive(frame: Uint8Array): void {
    this.lastUsedMs = this.#options.environment.clock.monotonicMs();
    const correlationId = correlationIdOf(frame);
    const pending = this.#inFlight.first;
    if (pending === undefined || pending.correlationId !== correlationId) {
      const expected = pending === undefined ? "none" : `${pending.correlationId}`;
      throw new RangeError(`an answer with correlation id ${correlationId}, expected ${expected}`);
    }
    // The request stays in flight until it is decoded: if that fails, it is lost with the others.
    const answer = pending.call.decode!(frame);
    this.#inFlight.shift();
    pending.timer?.cancel();
    pending.resolve(answer);
    this.#send();
  }

  #expire(pending: Pending): void {
    const { what, timeoutMs } = pending.call;
    const error = timedOut(
      `Cannot get an answer to ${what} from ${this.#options.peer} within ${
        Math.round(timeoutMs)
      } ms`,
    );
    const wasSent = !this.#waiting.remove(pending);
    if (wasSent && !this.#inFlight.remove(pending)) this.#unanswered.remove(pending);
    pending.reject(error);
    if (wasSent) this.close(`no answer to ${what} within ${Math.round(timeoutMs)} ms`);
  }
}
