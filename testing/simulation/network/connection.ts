import type { Address, ByteStream } from "../../../environment/environment.ts";
import type { Death, SimulatedProcess } from "../process.ts";
import type { Random } from "../random.ts";
import type { Taps } from "../wire/taps.ts";
import { TappedWire } from "../wire/tapped_wire.ts";
import type { World } from "../world.ts";
import type { NetworkFaults } from "./faults.ts";
import { Lane, type LaneOwner } from "./lane.ts";

/** One end: who it belongs to and what it is called. */
export interface ConnectionEnd {
  readonly process: SimulatedProcess;
  readonly address: Address;
}

/** What a connection asks of the network it belongs to. */
export interface ConnectionOwner {
  blocked(from: SimulatedProcess, to: SimulatedProcess): boolean;
  readonly faults: NetworkFaults;
  readonly taps: Taps;
  /** Called once, when nothing can happen on it any more. */
  forget(connection: Connection): void;
}

/** What a stream reads from and writes to. */
interface StreamLanes {
  readonly incoming: Lane;
  readonly outgoing: Lane;
  readonly write: (chunks: readonly Uint8Array[]) => Promise<void>;
}

/** A simulated connection: two lanes that share their fate. */
export class Connection implements LaneOwner {
  readonly client: ByteStream;
  readonly server: ByteStream;
  readonly processes: readonly [client: SimulatedProcess, server: SimulatedProcess];
  readonly #lanes: readonly [forth: Lane, back: Lane];
  #closedEnds = 0;
  #over = false;

  constructor(
    private readonly world: World,
    private readonly owner: ConnectionOwner,
    private readonly random: Random,
    client: ConnectionEnd,
    server: ConnectionEnd,
  ) {
    const slow = random.chance(owner.faults.slowChance);
    const rate = random.between(owner.faults.slowBytesPerMs);
    if (slow) world.faults.add("network slow connection");
    const lane = (from: ConnectionEnd, to: ConnectionEnd) =>
      new Lane({
        world,
        owner: this,
        from: from.process,
        to: to.process,
        random,
        bytesPerMs: slow ? rate : Infinity,
      });
    const [forth, back] = this.#lanes = [lane(client, server), lane(server, client)];
    this.processes = [client.process, server.process];
    const name = `${client.process.name}:${client.address.port}>${server.process.name}`;
    const wire = new TappedWire(owner.taps, name, client.process, {
      holdRequests: (byMs) => forth.holdBack(byMs),
      sendAnswer: (bytes) => back.inject(bytes),
      reset: () => this.reset(),
    });
    const requests = (chunks: readonly Uint8Array[]) => forth.write(wire.requests(chunks));
    const answers = (chunks: readonly Uint8Array[]) => back.write(wire.answers(chunks));
    this.client = this.#stream(client, server, {
      incoming: back,
      outgoing: forth,
      write: requests,
    });
    this.server = this.#stream(server, client, { incoming: forth, outgoing: back, write: answers });
  }

  get faults(): NetworkFaults {
    return this.owner.faults;
  }

  blocked(from: SimulatedProcess, to: SimulatedProcess): boolean {
    return this.owner.blocked(from, to);
  }

  /** Both ends learn, now, that it is gone. */
  reset(): void {
    for (const lane of this.#lanes) lane.break();
    this.#end();
  }

  /** From now on nothing gets through and nobody is told. */
  halfOpen(): void {
    for (const lane of this.#lanes) lane.swallow();
  }

  /** From now on so much goes at a time towards a process. */
  slow(reader: SimulatedProcess, bytesPerMs: number): void {
    this.#lanes.find(({ to }) => to === reader)!.slow(bytesPerMs);
  }

  /** One of its processes was killed. */
  processDied(process: SimulatedProcess, death: Death): void {
    const outgoing = this.#lanes.find(({ from }) => from === process)!;
    const incoming = this.#lanes.find(({ to }) => to === process)!;
    this.#endClosed();
    if (death === "silent") return this.halfOpen();
    incoming.abandon();
    if (death === "closed") outgoing.end();
    else this.world.schedule(this.random.between(this.faults.delayMs), () => this.reset());
  }

  /** Lets what was held back go on. */
  pump(): void {
    for (const lane of this.#lanes) lane.pump();
  }

  #stream(
    own: ConnectionEnd,
    peer: ConnectionEnd,
    { incoming, outgoing, write }: StreamLanes,
  ): ByteStream {
    const { process } = own;
    let closed = false;
    return {
      local: own.address,
      remote: peer.address,
      read: (buffer) => process.alive ? incoming.read(buffer) : new Promise(() => {}),
      write: (chunks) => {
        if (!process.alive) return new Promise(() => {});
        this.#injectFaults();
        return write(chunks);
      },
      close: () => {
        if (closed || !process.alive) return;
        closed = true;
        incoming.abandon();
        outgoing.end();
        this.#endClosed();
      },
    };
  }

  /** What goes wrong in the course of a write goes wrong a moment later. */
  #injectFaults(): void {
    const { resetChance, halfOpenChance, delayMs } = this.faults;
    if (this.random.chance(resetChance)) {
      this.world.faults.add("network reset");
      this.world.schedule(this.random.between(delayMs), () => this.reset());
    }
    if (this.random.chance(halfOpenChance)) {
      this.world.faults.add("network half-open");
      this.world.schedule(this.random.between(delayMs), () => this.halfOpen());
    }
  }

  #endClosed(): void {
    if (++this.#closedEnds === 2) this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.owner.forget(this);
  }
}
