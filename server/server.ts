/**
 * The server: listeners and connections in front of a broker.
 *
 * @module
 */
import { ProducerIds } from "../actors/controller/producer_ids.ts";
import type { Address, ByteStream, Listener, Timer } from "../environment/environment.ts";
import type { Api, ServerState } from "./api.ts";
import { APIS } from "./apis/mod.ts";
import type { BrokerContext } from "./broker_context.ts";
import { Connection, type ConnectionHost } from "./connection/connection.ts";
import { FetchSessions } from "./fetch/fetch_sessions.ts";
import { connectionsMaxOf } from "./connection/connection_limits.ts";
import { RequestMemory } from "./connection/request_memory.ts";
import { RequestSlots } from "./connection/request_slots.ts";
import { TurnBudget } from "./connection/turn_budget.ts";
import { ResponseMemory } from "./connection/response_memory.ts";
import { ALLOW_ALL, type Authorizer } from "./security/authorizer.ts";
import { TransactionalAppends } from "./transactions/transactional_appends.ts";

/** How long `close` waits for requests that were begun. */
const GRACE_MS = 5_000;
/** How often connections are looked at while memory is short. */
const CONTESTED_SWEEP_MS = 1_000;
/** A client that takes no byte of its answer for so long is let go while memory for answers is short. */
const UNREAD_MS = 10_000;
const SWEEP_MS_MAX = 60 * 60 * 1_000;

/** How a server is made. */
export interface ServerOptions {
  readonly broker: BrokerContext;
  /** Default: everybody may do everything. */
  readonly authorizer?: Authorizer;
  /** Default: all APIs of this broker. */
  readonly apis?: readonly Api[];
}

/** How a listener is served. */
export interface ServeOptions {
  /** Where its clients are told to connect. Default: the address that the client has reached. */
  readonly advertised?: Address;
}

/** A running server. */
export interface Server {
  /** Serves whoever connects, until the listener or the server is closed. */
  serve(listener: Listener, options?: ServeOptions): void;
  /** Serves one connection, whatever it runs over. */
  accept(stream: ByteStream, options?: ServeOptions): void;
  /** Connections that are open. */
  readonly connectionCount: number;
  /** Stops accepting, answers what was begun (for at most 5 s), closes all connections. */
  close(): Promise<void>;
}

/** Makes a server; it serves nobody yet. */
export function createServer(options: ServerOptions): Server {
  return new RunningServer(options);
}

class RunningServer implements Server, ConnectionHost {
  readonly state: ServerState;
  readonly apis: ReadonlyMap<number, Api>;
  readonly requestBytesMax: number;
  readonly memory: RequestMemory;
  readonly slots: RequestSlots;
  readonly turns: TurnBudget;
  readonly #broker: BrokerContext;
  readonly #connections = new Set<Connection>();
  readonly #perHost = new Map<string, number>();
  readonly #listeners = new Set<Listener>();
  /** Woken when a connection closes. */
  #waitingForRoom: (() => void)[] = [];
  #sweeping: { readonly timer: Timer; readonly atMs: number } | null = null;
  #closing: Promise<void> | null = null;

  constructor({ broker, authorizer = ALLOW_ALL, apis = APIS }: ServerOptions) {
    this.#broker = broker;
    const config = broker.config();
    this.apis = new Map(apis.map((api) => [api.key, api]));
    this.requestBytesMax = config.int("socket.request.max.bytes");
    this.slots = new RequestSlots(config.int("queued.max.requests"));
    this.turns = new TurnBudget(broker.environment.timers);
    const requestBytesMax = config.long("queued.max.request.bytes");
    this.memory = new RequestMemory(
      requestBytesMax > 0 ? requestBytesMax : config.long("odradek.queued.max.request.bytes"),
      broker.environment.clock,
      () => this.#sweepWithin(CONTESTED_SWEEP_MS),
    );
    this.state = {
      broker,
      authorizer,
      fetchSessions: new FetchSessions(
        config.int("max.incremental.fetch.session.cache.slots"),
        broker.environment,
      ),
      producerIds: new ProducerIds(broker.controller),
      inTransactions: new TransactionalAppends(),
      responses: new ResponseMemory(
        config.long("odradek.queued.max.response.bytes"),
        () => this.#sweepWithin(CONTESTED_SWEEP_MS),
      ),
    };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  serve(listener: Listener, options: ServeOptions = {}): void {
    this.#listeners.add(listener);
    this.#acceptAll(listener, options).catch((error) =>
      this.#broker.environment.log.write("error", "A listener failed", { error })
    ).finally(() => this.#listeners.delete(listener));
  }

  accept(stream: ByteStream, { advertised = stream.local }: ServeOptions = {}): void {
    if (this.#closing) return stream.close();
    const connection = new Connection(stream, advertised, this);
    this.#connections.add(connection);
    this.#count(connection, 1);
    this.#sweepWithin(this.#idleMsMax());
    connection.run();
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#count(connection, -1);
    this.#wakeWaiting();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#wakeWaiting();
    const finished = Promise.all([...this.#connections].map((connection) => connection.finish()));
    await new Promise<void>((resolve) => {
      const grace = this.#broker.environment.timers.schedule(GRACE_MS, resolve);
      finished.then(() => {
        grace.cancel(); // or it would keep the process for its rest
        resolve();
      });
    });
    for (const connection of this.#connections) connection.close();
    this.#sweeping?.timer.cancel();
    this.#sweeping = null;
  }

  async #acceptAll(listener: Listener, options: ServeOptions): Promise<void> {
    while (true) {
      await this.#room();
      const stream = await listener.accept();
      if (stream === null || this.#closing) return stream?.close();
      if (this.#isWelcome(stream)) this.accept(stream, options);
      else stream.close();
    }
  }

  /** Waits until there is room for one more connection: until then clients wait in the listener's backlog, as in Kafka. */
  async #room(): Promise<void> {
    while (
      !this.#closing && this.#connections.size >= this.#broker.config().int("max.connections")
    ) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    }
  }

  #wakeWaiting(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const wake of waiting) wake();
  }

  #isWelcome({ remote }: ByteStream): boolean {
    const max = connectionsMaxOf(remote.host, this.#broker.config());
    if ((this.#perHost.get(remote.host) ?? 0) < max) return true;
    this.#broker.environment.log.write(
      "warn",
      `A client has ${max} connections already; one more is closed`,
      { client: `${remote.host}:${remote.port}` },
    );
    return false;
  }

  #count({ remote: { host } }: Connection, difference: 1 | -1): void {
    const count = (this.#perHost.get(host) ?? 0) + difference;
    if (count === 0) this.#perHost.delete(host);
    else this.#perHost.set(host, count);
  }

  #idleMsMax(): number {
    const idleMsMax = this.#broker.config().long("connections.max.idle.ms");
    return idleMsMax < 0 ? Infinity : idleMsMax;
  }

  /** Sees to it that connections are looked at in `delayMs` at the latest. */
  #sweepWithin(delayMs: number): void {
    const { clock, timers } = this.#broker.environment;
    const soonMs = Math.min(delayMs, SWEEP_MS_MAX);
    const atMs = clock.monotonicMs() + soonMs;
    if (this.#sweeping && this.#sweeping.atMs <= atMs) return;
    this.#sweeping?.timer.cancel();
    this.#sweeping = { timer: timers.schedule(soonMs, () => this.#sweep()), atMs };
  }

  /** Lets go of connections that are idle, or that hold memory that others need. */
  #sweep(): void {
    this.#sweeping = null;
    const nowMs = this.#broker.environment.clock.monotonicMs();
    const idleMsMax = this.#idleMsMax();
    let nextMs = Infinity;
    for (const connection of [...this.#connections]) {
      const quietMs = nowMs - connection.lastActiveMs;
      if (quietMs >= idleMsMax) {
        connection.close();
      } else if (
        connection.unsentBytes > 0 && quietMs >= UNREAD_MS && this.state.responses.contested
      ) {
        connection.refuse("A client did not read its answers while memory for them was short");
      } else {
        nextMs = Math.min(nextMs, idleMsMax - quietMs);
      }
    }
    this.memory.evictStalled();
    if (this.#connections.size === 0) return;
    const contested = this.memory.contested || this.state.responses.contested;
    this.#sweepWithin(contested ? CONTESTED_SWEEP_MS : Math.max(nextMs, CONTESTED_SWEEP_MS));
  }
}
