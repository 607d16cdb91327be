import type { Address, ByteStream, LogLevel } from "../../environment/environment.ts";
import { NetworkError } from "../../environment/network_error.ts";
import { AnswerQueue } from "./answer_queue.ts";
import {
  type Api,
  ConnectionRefusal,
  type Peer,
  type RequestContext,
  type ServerState,
} from "../api.ts";
import { answerTo, type Call, readCall } from "../dispatch.ts";
import { type Frame, FrameReader, ProtocolViolation } from "./frame_reader.ts";
import type { RequestMemory } from "./request_memory.ts";
import type { AnswerShare } from "./response_memory.ts";
import type { RequestSlots } from "./request_slots.ts";
import type { TurnBudget } from "./turn_budget.ts";
import { ANONYMOUS } from "../security/authorizer.ts";

/** Requests of one connection that may be unanswered at a time, where they may overlap at all. */
const OVERLAPPING_MAX = 100;
/** A connection whose client has more than this to read is not listened to. */
const UNSENT_BYTES_MAX = 256 * 1024;

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly state: ServerState;
  readonly apis: ReadonlyMap<number, Api>;
  /** `socket.request.max.bytes`. */
  readonly requestBytesMax: number;
  readonly memory: RequestMemory;
  readonly slots: RequestSlots;
  readonly turns: TurnBudget;
  closed(connection: Connection): void;
}

/**
 * One connection: reads requests, starts them in order, sends the answers in order.
 *
 * Only requests of an API that allows it overlap, each other and nothing else; any other request starts when all earlier
 * ones are answered, as in Kafka. Nothing is read while the next request may not start: the client's own socket is the
 * queue.
 */
export class Connection implements Peer {
  readonly principal = ANONYMOUS;
  readonly #frames: FrameReader;
  readonly #answers: AnswerQueue;
  readonly #closingCallbacks = new Set<() => void>();
  /** The API of the requests that are unanswered. */
  #current: Api | null = null;
  #draining = false;
  #closed = false;
  /** When a byte was last received or taken by the client, monotonic. */
  lastActiveMs: number;

  constructor(
    private readonly stream: ByteStream,
    readonly advertised: Address,
    private readonly host: ConnectionHost,
  ) {
    this.lastActiveMs = this.#nowMs();
    this.#frames = new FrameReader(
      stream,
      host.requestBytesMax,
      host.memory,
      () => this.#fail("info", "A large request stalled while others waited for memory"),
    );
    this.#answers = new AnswerQueue(stream, {
      queued: (bytes) => {
        if (this.#answers.unsentBytes === bytes) this.lastActiveMs = this.#nowMs();
        host.state.responses.add(bytes);
      },
      sent: (bytes) => {
        this.lastActiveMs = this.#nowMs();
        host.state.responses.remove(bytes);
      },
      failed: (error) => this.#broken(error),
    });
  }

  get remote(): Address {
    return this.stream.remote;
  }

  /** Bytes of answers that the client has not taken. */
  get unsentBytes(): number {
    return this.#answers.unsentBytes;
  }

  onClosing(callback: () => void): () => void {
    if (this.#draining || this.#closed) callback();
    else this.#closingCallbacks.add(callback);
    return () => this.#closingCallbacks.delete(callback);
  }

  /** Serves the client until either side closes. Never throws. */
  async run(): Promise<void> {
    try {
      while (!this.#closed) {
        const frame = this.#frames.take();
        if (frame !== null) {
          const turn = this.#serve(frame);
          if (turn !== undefined) await turn;
        } else if (await this.#frames.fill()) {
          this.lastActiveMs = this.#nowMs();
        } else {
          break;
        }
      }
      if (this.#frames.midFrame) this.#log("info", "A client went away in the middle of a request");
    } catch (error) {
      this.#broken(error);
    }
    this.close();
  }

  /** Starts no more requests, answers those that were started, closes. */
  async finish(): Promise<void> {
    if (!this.#draining) {
      this.#draining = true;
      this.#callClosingCallbacks();
    }
    await this.#answers.when(() =>
      this.#answers.unanswered === 0 && this.#answers.unsentBytes === 0
    );
    this.close();
  }

  /** Closes at once. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#callClosingCallbacks();
    this.#frames.close();
    this.#answers.close();
    this.stream.close();
    this.host.closed(this);
  }

  /** Closes at once, saying why in the log. */
  refuse(why: string): void {
    this.#fail("warn", why);
  }

  /** Starts the request when its turn has come; undefined when that is now. */
  #serve(frame: Frame): Promise<void> | undefined {
    let call: Call;
    try {
      call = readCall(frame.bytes, this.host.apis);
    } catch (error) {
      frame.release();
      throw error;
    }
    const { slots, turns } = this.host;
    if (this.#mayStart(call.api) && turns.tryTake(frame.bytes.length) && slots.tryTake()) {
      frame.started();
      this.#start(call, frame);
      return undefined;
    }
    return this.#startLater(call, frame);
  }

  async #startLater(call: Call, frame: Frame): Promise<void> {
    await this.#answers.when(() => this.#mayStart(call.api));
    frame.started();
    if (!this.#closed) await this.host.turns.take(frame.bytes.length);
    if (!this.#closed) {
      await this.host.slots.take();
      if (!this.#closed && !this.#draining) return this.#start(call, frame);
      this.host.slots.release();
    }
    frame.release();
  }

  #mayStart(api: Api): boolean {
    const { unanswered, unsentBytes } = this.#answers;
    if (this.#draining || unsentBytes > UNSENT_BYTES_MAX) return false;
    if (unanswered === 0) return true;
    return api.overlaps === true && this.#current === api && unanswered < OVERLAPPING_MAX;
  }

  #start(call: Call, frame: Frame): void {
    this.#current = call.api;
    const place = this.#answers.reserve();
    let holding = true;
    const letGo = () => {
      if (!holding) return;
      holding = false;
      frame.release();
      this.host.slots.release();
    };
    const share = this.host.state.responses.share();
    const end = () => {
      share.release(); // from here on it is what is queued that counts
      letGo();
    };
    try {
      const answer = answerTo(call, this.#contextOf(call, share, letGo));
      if (!(answer instanceof Promise)) {
        end();
        return place.fill(answer);
      }
      answer.then((answer) => {
        end();
        place.fill(answer);
      }, (error) => {
        end();
        this.#broken(error);
      });
    } catch (error) {
      end();
      throw error;
    }
  }

  #contextOf({ header }: Call, share: AnswerShare, park: () => void): RequestContext {
    const { broker, fetchSessions, producerIds, inTransactions, responses, authorizer } =
      this.host.state;
    const { apiVersion, clientId } = header;
    return {
      broker,
      fetchSessions,
      producerIds,
      inTransactions,
      responses,
      authorizer,
      peer: this,
      apiVersion,
      clientId,
      share,
      park,
    };
  }

  /** The one log line of a connection that ends because of an error. */
  #broken(error: unknown): void {
    if (error instanceof ProtocolViolation) this.#fail("warn", error.message);
    else if (error instanceof ConnectionRefusal) this.#fail("info", error.message);
    else if (error instanceof NetworkError) this.#fail("debug", error.message);
    else this.#fail("error", "A connection failed", error);
  }

  #fail(level: LogLevel, message: string, error?: unknown): void {
    if (this.#closed) return;
    this.#log(level, message, error);
    this.close();
  }

  #log(level: LogLevel, message: string, error?: unknown): void {
    if (this.#closed) return;
    const { host, port } = this.stream.remote;
    const client = `${host}:${port}`;
    this.host.state.broker.environment.log.write(
      level,
      `${message}; the connection is closed`,
      error === undefined ? { client } : { client, error },
    );
  }

  #callClosingCallbacks(): void {
    const callbacks = [...this.#closingCallbacks];
    this.#closingCallbacks.clear();
    for (const callback of callbacks) callback();
  }

  #nowMs(): number {
    return this.host.state.broker.environment.clock.monotonicMs();
  }
}
