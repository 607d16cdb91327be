import type { ByteStream } from "../../environment/environment.ts";
import { decodeResponse, encodeRequest } from "../../protocol/frames.ts";
import type { Draft, Infer, Schema } from "../../protocol/schema/mod.ts";
import type { Api } from "../apis.ts";
import type { BrokerVersions } from "./broker_versions.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { negotiate } from "./negotiate.ts";

/** How a connection works. */
export interface ConnectionOptions extends ChannelOptions {
  readonly clientId: string;
  /** Milliseconds until the versions must be known. */
  readonly setupTimeoutMs: number;
  /** Milliseconds until an answer must be there. */
  readonly requestTimeoutMs: number;
}

/** How one request differs from others. */
export interface RequestOptions {
  /** Milliseconds until the answer must be there; default: that of the connection. */
  readonly timeoutMs?: number;
  /** The oldest and the newest version that will do. */
  readonly versionMin?: number;
  readonly versionMax?: number;
}

/** What is asked, or how to ask it in the version that both sides have: some versions have quite different fields. */
export type Question<Q extends Schema> = Draft<Q> | ((version: number) => Draft<Q>);

/** A connection to a broker whose versions are known. */
export class Connection {
  readonly versions: BrokerVersions;
  readonly #channel: Channel;
  readonly #options: ConnectionOptions;

  private constructor(channel: Channel, versions: BrokerVersions, options: ConnectionOptions) {
    this.#channel = channel;
    this.versions = versions;
    this.#options = options;
  }

  /**
   * Takes over an open stream: asks the broker for its versions. Closes the stream when that fails. Authentication has
   * its place behind it, before the connection is anybody's.
   *
   * @throws {KafkaError} NETWORK_EXCEPTION, REQUEST_TIMED_OUT, or the broker's refusal
   */
  static async open(stream: ByteStream, options: ConnectionOptions): Promise<Connection> {
    const channel = new Channel(stream, options);
    try {
      const versions = await negotiate(channel, options);
      return new Connection(channel, versions, options);
    } catch (error) {
      channel.close("it could not be negotiated", error);
      throw error;
    }
  }

  /** Requests without an answer so far. */
  get inFlight(): number {
    return this.#channel.inFlight;
  }

  /** Whether it can be used. */
  get isOpen(): boolean {
    return this.#channel.failure === null;
  }

  /** When it was last used, by the monotonic clock. */
  get lastUsedMs(): number {
    return this.#channel.lastUsedMs;
  }

  /**
   * Sends a request in the newest version that both sides have, and returns the answer. Error codes inside it are the
   * caller's. Fields that the version lacks are left out where they are ignorable.
   *
   * @throws {KafkaError} UNSUPPORTED_VERSION, NETWORK_EXCEPTION, REQUEST_TIMED_OUT
   */
  async request<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    question: Question<Q>,
    options: RequestOptions = {},
  ): Promise<Infer<S>> {
    const version = this.versions.newest(api, options);
    const answer = await this.#channel.exchange({
      ...this.#call(api, version, question, options),
      decode: (frame) => decodeResponse(api.response, version, frame).body,
    });
    this.#channel.throttle((answer as { throttleTimeMs?: number }).throttleTimeMs ?? 0);
    return answer;
  }

  /**
   * Sends a request that the broker does not answer: Produce with acks 0. Settles when the bytes are out.
   *
   * @throws {KafkaError} as {@linkcode request}
   */
  async post<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    question: Question<Q>,
    options: RequestOptions = {},
  ): Promise<void> {
    const version = this.versions.newest(api, options);
    await this.#channel.exchange({ ...this.#call(api, version, question, options), decode: null });
  }

  /** Calls `callback` once when it is closed. */
  onClose(callback: () => void): void {
    this.#channel.onClose(callback);
  }

  /** Closes it; requests in flight fail with NETWORK_EXCEPTION. */
  close(): void {
    this.#channel.close();
  }

  #call<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    version: number,
    question: Question<Q>,
    options: RequestOptions,
  ) {
    const { clientId, requestTimeoutMs } = this.#options;
    const draft = typeof question === "function" ? question(version) : question;
    return {
      what: `${api.name} v${version}`,
      timeoutMs: options.timeoutMs ?? requestTimeoutMs,
      encode: (correlationId: number) =>
        encodeRequest({ schema: api.request, version, correlationId, clientId }, draft),
    };
  }
}
