import type { Address, ByteStream, Timer } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { backoffMs } from "../backoff.ts";
import { within } from "../deadline.ts";
import { asError, disconnected, timedOut } from "../errors.ts";
import type { ClientSettings } from "../options.ts";
import { addressText } from "../transport.ts";
import { Connection } from "./connection.ts";

/** Largest answer that is accepted: several times what `fetch.max.bytes` is by default, which a first batch may exceed. */
const RESPONSE_BYTES_MAX = 256 * 1024 * 1024;

/** How a link works. */
export interface LinkOptions {
  readonly settings: ClientSettings;
  readonly address: Address;
  /** Requests on the wire of one connection; more wait their turn. */
  readonly inFlightMax: number;
}

/** The way to one broker: a connection that is opened when needed, and again when it broke, after a pause. */
export class Link {
  readonly address: Address;
  readonly #settings: ClientSettings;
  readonly #inFlightMax: number;
  #connection: Connection | null = null;
  #connecting: Promise<Connection> | null = null;
  #failures = 0;
  /** Not to be dialled before, by the monotonic clock. */
  #notBeforeMs = -Infinity;
  #idle: Timer | null = null;
  #closed = false;

  constructor({ settings, address, inFlightMax }: LinkOptions) {
    this.#settings = settings;
    this.address = address;
    this.#inFlightMax = inFlightMax;
  }

  /** The open connection, if there is one. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** Whether anybody waits for it, or for an answer on it. */
  get isBusy(): boolean {
    return this.#connecting !== null || (this.#connection?.inFlight ?? 0) > 0;
  }

  /**
   * The open connection; opens one, after the pause that follows a failure, if there is none.
   *
   * @throws {KafkaError} NETWORK_EXCEPTION when the broker cannot be reached, REQUEST_TIMED_OUT when it takes too long
   */
  connect(): Promise<Connection> {
    if (this.#connection !== null) return Promise.resolve(this.#connection);
    if (this.#closed) return Promise.reject(this.#isClosed());
    return this.#connecting ??= this.#connect().finally(() => this.#connecting = null);
  }

  /** Closes the connection, for good. */
  close(): void {
    this.#closed = true;
    this.#idle?.cancel();
    this.#connection?.close();
  }

  async #connect(): Promise<Connection> {
    const { environment } = this.#settings;
    const pauseMs = this.#notBeforeMs - environment.clock.monotonicMs();
    if (pauseMs > 0) await sleep(environment, pauseMs);
    if (this.#closed) throw this.#isClosed();
    try {
      const connection = await this.#open();
      if (this.#closed) {
        connection.close();
        throw this.#isClosed();
      }
      this.#failures = 0;
      this.#adopt(connection);
      return connection;
    } catch (error) {
      this.#fail();
      throw error;
    }
  }

  /** Dials and negotiates within the time that is given to both. */
  async #open(): Promise<Connection> {
    const { environment, clientId, requestTimeoutMs, socketConnectionSetupTimeoutMs } =
      this.#settings;
    const peer = addressText(this.address);
    const startMs = environment.clock.monotonicMs();
    const stream = await this.#dial(peer, socketConnectionSetupTimeoutMs);
    const spentMs = environment.clock.monotonicMs() - startMs;
    return await Connection.open(stream, {
      environment,
      peer,
      clientId,
      inFlightMax: this.#inFlightMax,
      responseBytesMax: RESPONSE_BYTES_MAX,
      requestTimeoutMs,
      setupTimeoutMs: Math.max(1, socketConnectionSetupTimeoutMs - spentMs),
    });
  }

  async #dial(peer: string, timeoutMs: number): Promise<ByteStream> {
    let isLate = false;
    const dial = async () => {
      try {
        const stream = await this.#settings.dial(this.address);
        if (isLate) stream.close();
        return stream;
      } catch (error) {
        throw disconnected(`Cannot reach ${peer}: ${asError(error).message}`, error);
      }
    };
    return await within(this.#settings.environment, timeoutMs, dial(), () => {
      isLate = true;
      return timedOut(`Cannot reach ${peer}: no connection within ${Math.round(timeoutMs)} ms`);
    });
  }

  #adopt(connection: Connection): void {
    this.#connection = connection;
    this.#watchIdle(connection);
    connection.onClose(() => {
      this.#idle?.cancel();
      this.#connection = null;
      this.#fail();
    });
  }

  #fail(): void {
    const { environment, reconnectBackoffMs, reconnectBackoffMaxMs } = this.#settings;
    this.#failures++;
    this.#notBeforeMs = environment.clock.monotonicMs() +
      backoffMs(
        { firstMs: reconnectBackoffMs, maxMs: reconnectBackoffMaxMs },
        this.#failures,
        environment.random,
      );
  }

  #watchIdle(connection: Connection): void {
    const { environment, connectionsMaxIdleMs } = this.#settings;
    const leftMs = connection.lastUsedMs + connectionsMaxIdleMs - environment.clock.monotonicMs();
    this.#idle = environment.timers.schedule(
      Math.max(1, leftMs),
      () => {
        const idleMs = environment.clock.monotonicMs() - connection.lastUsedMs;
        if (idleMs >= connectionsMaxIdleMs && connection.inFlight === 0) connection.close();
        else this.#watchIdle(connection);
      },
    );
  }

  #isClosed() {
    return disconnected(`Connection to ${addressText(this.address)}: the client is closed`);
  }
}
