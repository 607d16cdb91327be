import type { Address, ByteStream, Listener, Network } from "../../../environment/environment.ts";
import { NetworkError } from "../../../environment/network_error.ts";
import type { SimulatedProcess } from "../process.ts";
import type { Random } from "../random.ts";
import { Taps } from "../wire/taps.ts";
import type { World } from "../world.ts";
import { Connection } from "./connection.ts";
import { type NetworkFaults, QUIET_NETWORK } from "./faults.ts";
import { SimulatedListener } from "./listener.ts";

const FIRST_EPHEMERAL_PORT = 49_152;
const LOOPBACK = new Set(["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"]);

/** All hosts and all connections of one simulation. */
export class SimulatedNetwork {
  /** How it behaves; may be changed at any time. */
  faults: NetworkFaults;
  /** What is done to requests and answers on their way. */
  readonly taps: Taps;
  readonly #listeners = new Map<string, SimulatedListener>();
  readonly #connections = new Set<Connection>();
  /** Pairs between which nothing passes, as `from>to`. */
  readonly #partitions = new Set<string>();
  readonly #random: Random;
  #dialled = 0;
  #nextPort = FIRST_EPHEMERAL_PORT;

  /** @ignore: a simulation has one. */
  constructor(private readonly world: World, faults: Partial<NetworkFaults> = {}) {
    this.faults = { ...QUIET_NETWORK, ...faults };
    this.taps = new Taps((what) => world.timeline.note("tap", what));
    this.#random = world.random("network");
  }

  /** @ignore: the network as a process sees it: its environment's. */
  of(process: SimulatedProcess): Network {
    process.lifetime.onEnd(() => this.#processDied(process));
    const never = new Promise<never>(() => {});
    return {
      listen: (address) => process.alive ? this.#listen(process, address) : never,
      dial: (address) => process.alive ? this.#dial(process, address) : never,
    };
  }

  /** How many connections are open, on one side at least. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Holds back everything between two processes, both ways, until {@linkcode heal}: nothing is lost, as TCP sends again;
   * dials fail after a while.
   */
  partition(one: SimulatedProcess, other: SimulatedProcess): void {
    this.world.faults.add("network partition");
    this.#partitions.add(pairOf(one, other)).add(pairOf(other, one));
  }

  /** Holds back what `from` sends to `to`; the other way goes on. */
  partitionOneWay(from: SimulatedProcess, to: SimulatedProcess): void {
    this.world.faults.add("network partition");
    this.#partitions.add(pairOf(from, to));
  }

  /**
   * Takes a process off its address: its connections stay, but nobody reaches it any more, and a successor may listen
   * there. What an orchestrator does that takes a process for dead.
   */
  unroute(process: SimulatedProcess): void {
    for (const [key, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(key);
    }
    process.host = `${process.host} of ${process.name}`;
  }

  /** Ends all partitions. */
  heal(): void {
    this.#partitions.clear();
    for (const connection of this.#connections) connection.pump();
  }

  /** Resets all connections between two processes. */
  reset(one: SimulatedProcess, other: SimulatedProcess): void {
    for (const connection of this.#between(one, other)) {
      this.world.faults.add("network reset");
      connection.reset();
    }
  }

  /** Makes a process read slowly, so many bytes a millisecond, what another one sends it: that one has to wait. */
  slowReader(reader: SimulatedProcess, writer: SimulatedProcess, bytesPerMs: number): void {
    for (const connection of this.#between(reader, writer)) {
      this.world.faults.add("network slow connection");
      connection.slow(reader, bytesPerMs);
    }
  }

  /** Makes all connections between two processes half-open: nothing gets through, nobody is told. */
  halfOpen(one: SimulatedProcess, other: SimulatedProcess): void {
    for (const connection of this.#between(one, other)) {
      this.world.faults.add("network half-open");
      connection.halfOpen();
    }
  }

  /** Whether bytes from one process to another are held back. */
  blocked(from: SimulatedProcess, to: SimulatedProcess): boolean {
    return this.#partitions.size > 0 && this.#partitions.has(pairOf(from, to));
  }

  /** @ignore: called by a connection on which nothing can happen any more. */
  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  #between(one: SimulatedProcess, other: SimulatedProcess): Connection[] {
    return [...this.#connections].filter(({ processes }) =>
      processes.includes(one) && processes.includes(other)
    );
  }

  #processDied(process: SimulatedProcess): void {
    for (const [key, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(key);
    }
    for (const connection of [...this.#connections]) {
      if (connection.processes.includes(process)) {
        connection.processDied(process, process.death);
      }
    }
  }

  #listen(process: SimulatedProcess, address: Address): Promise<Listener> {
    const port = address.port === 0 ? this.#nextPort++ : address.port;
    const key = keyOf(process, { host: address.host, port });
    if (this.#listeners.has(key)) {
      return Promise.reject(
        new NetworkError(
          "addressInUse",
          `Cannot listen on ${address.host}:${port}: Address already in use`,
        ),
      );
    }
    const listener = new SimulatedListener(process, { host: address.host, port }, () => {
      if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
    });
    this.#listeners.set(key, listener);
    return Promise.resolve(listener);
  }

  #dial(process: SimulatedProcess, address: Address): Promise<ByteStream> {
    const random = this.world.random(`network/connection ${++this.#dialled}`);
    const travelMs = () => random.between(this.faults.delayMs);
    return new Promise((resolve, reject) => {
      const timeout = this.world.schedule(this.faults.dialTimeoutMs, () => {
        process.enter(() => reject(dialError("unreachable", address, "Connection timed out")));
      });
      this.world.schedule(travelMs(), () => {
        const stream = this.#arriveAt(process, address, random);
        if (stream === "no answer") return;
        timeout.cancel();
        this.world.schedule(travelMs(), () =>
          process.enter(() => {
            if (stream === "refused") reject(dialError("refused", address, "Connection refused"));
            else resolve(stream);
          }));
      });
    });
  }

  /** A dial has reached the host, or its remains. */
  #arriveAt(
    process: SimulatedProcess,
    address: Address,
    random: Random,
  ): ByteStream | "refused" | "no answer" {
    const listener = this.#listeners.get(keyOf(process, address));
    if (!listener) return "refused";
    if (this.blocked(process, listener.process) || this.blocked(listener.process, process)) {
      return "no answer";
    }
    if (this.#random.chance(this.faults.refuseChance)) {
      this.world.faults.add("network dial refused");
      return "refused";
    }
    const client = { process, address: { host: process.host, port: this.#nextPort++ } };
    const server = { process: listener.process, address: listener.address };
    const connection = new Connection(this.world, this, random, client, server);
    this.#connections.add(connection);
    if (!process.alive) connection.processDied(process, process.death);
    listener.offer(connection.server);
    return connection.client;
  }
}

function pairOf(from: SimulatedProcess, to: SimulatedProcess): string {
  return `${from.name}>${to.name}`;
}

/** Loopback means the process's own host. */
function keyOf(process: SimulatedProcess, { host, port }: Address): string {
  return `${LOOPBACK.has(host) ? process.host : host}:${port}`;
}

function dialError(
  kind: "refused" | "unreachable",
  { host, port }: Address,
  reason: string,
): NetworkError {
  return new NetworkError(kind, `Cannot connect to ${host}:${port}: ${reason}`);
}
