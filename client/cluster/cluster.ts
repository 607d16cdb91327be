import type { Address } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { ERROR_CODES, type KafkaError } from "../../protocol/errors.ts";
import type { MetadataResponse } from "../../protocol/messages/03_metadata.ts";
import type { Infer, Schema } from "../../protocol/schema/mod.ts";
import { type Api, METADATA } from "../apis.ts";
import { backoffMs, firstBackoffMs } from "../backoff.ts";
import type { Connection, Question, RequestOptions } from "../connection/connection.ts";
import { Link } from "../connection/link.ts";
import { within } from "../deadline.ts";
import {
  cannot,
  disconnected,
  isRetriable,
  needsMetadata,
  throwIfError,
  timedOut,
} from "../errors.ts";
import type { ClientSettings } from "../options.ts";
import { addressText } from "../transport.ts";
import { Metadata } from "./metadata.ts";

/** How a client uses the cluster. */
export interface ClusterOptions {
  /** Whether asking for a topic may make it. */
  readonly allowAutoTopicCreation: boolean;
  /** Requests on the wire of one connection; more wait their turn. */
  readonly inFlightMax: number;
}

/** What a request is for: each purpose has connections of its own, so that a long poll holds up nothing else. */
export type Purpose = "main" | "fetch" | "group";

/** All brokers of a cluster: where they are, the connections to them, and trying again. */
export class Cluster {
  readonly settings: ClientSettings;
  readonly metadata: Metadata;
  readonly #options: ClusterOptions;
  /** By purpose and address. */
  readonly #links = new Map<string, Link>();
  #closed = false;

  constructor(settings: ClientSettings, options: ClusterOptions) {
    this.settings = settings;
    this.#options = options;
    this.metadata = new Metadata(settings, (topics) => this.#askMetadata(topics));
    this.metadata.onChange(() => this.#dropForeignLinks());
  }

  /** Whether {@linkcode close} was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** The way to a broker; null when no broker with that id is known. */
  link(nodeId: number, purpose: Purpose = "main"): Link | null {
    const broker = this.metadata.view.brokers.get(nodeId);
    return broker === undefined ? null : this.#linkTo(broker, purpose);
  }

  /**
   * Sends a request to one broker.
   *
   * @throws {KafkaError} NETWORK_EXCEPTION when it is not known or not to be reached, and as `Connection.request`
   */
  async request<Q extends Schema, S extends Schema>(
    nodeId: number,
    api: Api<Q, S>,
    question: Question<Q>,
    options?: RequestOptions,
  ): Promise<Infer<S>> {
    const link = this.link(nodeId);
    if (link === null) throw disconnected(`No broker ${nodeId} is known`);
    return await (await link.connect()).request(api, question, options);
  }

  /** Sends a request to the broker that says it is the controller; clients may send it to any. Throws as {@linkcode request}. */
  async requestController<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    question: Question<Q>,
    options?: RequestOptions,
  ): Promise<Infer<S>> {
    if (this.metadata.view.brokers.size === 0) await this.metadata.refresh();
    const { controllerId, brokers } = this.metadata.view;
    if (brokers.has(controllerId)) return await this.request(controllerId, api, question, options);
    return await this.requestAny(api, question, options);
  }

  /** Sends a request to whichever broker can be reached. Throws as {@linkcode request}, with the last broker's error. */
  async requestAny<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    question: Question<Q>,
    options?: RequestOptions,
  ): Promise<Infer<S>> {
    const connection = await this.#anyConnection();
    return await connection.request(api, question, options);
  }

  /**
   * Runs `attempt` until it succeeds: after an error that is retriable by Kafka's table it pauses, refreshes the metadata
   * if the error asks for that, and tries again.
   *
   * @throws {KafkaError} what `attempt` threw, if that is final; REQUEST_TIMED_OUT after `timeoutMs`
   */
  async retry<T>(
    doing: string,
    attempt: () => Promise<T>,
    timeoutMs: number = this.settings.defaultApiTimeoutMs,
  ): Promise<T> {
    const { environment, retryBackoffMs, retryBackoffMaxMs } = this.settings;
    const startMs = environment.clock.monotonicMs();
    const leftMs = () => startMs + timeoutMs - environment.clock.monotonicMs();
    let last: KafkaError | undefined;
    const late = () =>
      timedOut(`Cannot ${doing}: not done within ${Math.round(timeoutMs)} ms`, last);
    for (let failures = 0;; failures++) {
      try {
        return await within(environment, leftMs(), attempt(), late);
      } catch (error) {
        if (!isRetriable(error) || this.#closed) throw cannot(doing, error);
        last = error;
        if (needsMetadata(error.kind)) this.metadata.invalidate();
      }
      const pauseMs = backoffMs(
        { firstMs: firstBackoffMs(last.kind, retryBackoffMs), maxMs: retryBackoffMaxMs },
        failures + 1,
        environment.random,
      );
      if (pauseMs >= leftMs()) throw late();
      await sleep(environment, pauseMs);
    }
  }

  /** Closes all connections, for good. */
  close(): void {
    this.#closed = true;
    this.metadata.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  async #askMetadata(topics: () => Iterable<string>): Promise<MetadataResponse> {
    const connection = await this.#anyConnection();
    const answer = await connection.request(METADATA, {
      topics: [...topics()].map((name) => ({ name })),
      allowAutoTopicCreation: this.#options.allowAutoTopicCreation,
    });
    if (answer.errorCode === ERROR_CODES.REBOOTSTRAP_REQUIRED.code) this.metadata.forgetBrokers();
    throwIfError(answer.errorCode);
    return answer;
  }

  /** A connection to a broker that is connected already, or else to the first one that can be reached. */
  async #anyConnection(): Promise<Connection> {
    let last: unknown = disconnected("No broker is known");
    for (const address of this.#candidates()) {
      try {
        return await this.#linkTo(address, "main").connect();
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /** Known brokers, connected ones first, then the bootstrap servers; within each, at random. */
  #candidates(): readonly Address[] {
    const { bootstrapServers, metadataRecoveryStrategy } = this.settings;
    const known = this.#shuffled([...this.metadata.view.brokers.values()]);
    const isConnected = (address: Address) => this.#linkTo(address, "main").connection !== null;
    const connected = known.filter(isConnected);
    const others = known.filter((address) => !isConnected(address));
    const mayBootstrap = known.length === 0 || metadataRecoveryStrategy === "rebootstrap";
    return [...connected, ...others, ...(mayBootstrap ? this.#shuffled(bootstrapServers) : [])];
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const other = Math.floor(this.settings.environment.random.next() * (i + 1));
      [shuffled[i], shuffled[other]] = [shuffled[other], shuffled[i]];
    }
    return shuffled;
  }

  #linkTo(address: Address, purpose: Purpose): Link {
    const key = `${purpose} ${addressText(address)}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const { host, port } = address;
      link = new Link({
        settings: this.settings,
        address: { host, port },
        inFlightMax: this.#options.inFlightMax,
      });
      if (this.#closed) link.close();
      else this.#links.set(key, link);
    }
    return link;
  }

  /** Closes links to addresses that are no broker's any more, as soon as nothing waits on them. */
  #dropForeignLinks(): void {
    const addresses = new Set([...this.metadata.view.brokers.values()].map(addressText));
    for (const [key, link] of this.#links) {
      if (addresses.has(addressText(link.address))) continue;
      if (link.isBusy) continue;
      link.close();
      this.#links.delete(key);
    }
  }
}
