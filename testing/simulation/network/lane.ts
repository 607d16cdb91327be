import { ByteQueue } from "../../../environment/byte_queue.ts";
import { NetworkError } from "../../../environment/network_error.ts";
import type { SimulatedProcess } from "../process.ts";
import type { Random } from "../random.ts";
import { joined } from "../wire/frame_cutter.ts";
import type { World } from "../world.ts";
import type { NetworkFaults } from "./faults.ts";

/** What a lane asks of the connection it is a direction of. */
export interface LaneOwner {
  /** Whether bytes between these processes are held back at the moment. */
  blocked(from: SimulatedProcess, to: SimulatedProcess): boolean;
  /** The faults in force. */
  readonly faults: NetworkFaults;
  /** Breaks the connection. */
  reset(): void;
}

/** Bytes under way, or the end of the stream (null). */
interface Segment {
  readonly bytes: Uint8Array | null;
  readonly atMs: number;
}

interface WaitingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

interface WaitingWrite {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** How a lane is made. */
export interface LaneOptions {
  readonly world: World;
  readonly owner: LaneOwner;
  readonly from: SimulatedProcess;
  readonly to: SimulatedProcess;
  readonly random: Random;
  /** Infinity unless the connection is a slow one. */
  readonly bytesPerMs: number;
}

/** One direction of a simulated connection: ordered bytes that take their time. */
export class Lane {
  readonly from: SimulatedProcess;
  readonly to: SimulatedProcess;
  readonly #world: World;
  readonly #owner: LaneOwner;
  readonly #random: Random;
  #bytesPerMs: number;

  readonly #underWay: Segment[] = [];
  #underWayBytes = 0;
  #arriving = false;
  /** When the last byte sent has left the sender. */
  #lineFreeAtMs = 0;
  #lastArrivalMs = 0;
  readonly #arrived = new ByteQueue();

  #reader: WaitingRead | null = null;
  #writer: WaitingWrite | null = null;
  /** The writer's end was closed. */
  #closed = false;
  /** The end of the stream has arrived. */
  #ended = false;
  /** The reader's end was closed. */
  #abandoned = false;
  #broken = false;
  #blackHole = false;

  constructor({ world, owner, from, to, random, bytesPerMs }: LaneOptions) {
    this.#world = world;
    this.#owner = owner;
    this.from = from;
    this.to = to;
    this.#random = random;
    this.#bytesPerMs = bytesPerMs;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader) return Promise.reject(new TypeError("A read is in progress already"));
    if (buffer.length === 0) return Promise.reject(new RangeError("Cannot read into no bytes"));
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#serveReader();
    });
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#writer) return Promise.reject(new TypeError("A write is in progress already"));
    for (const piece of this.#cut(joined(chunks))) this.#send(piece);
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject };
      this.#serveWriter();
    });
  }

  /** Sends bytes that the writer has not written. */
  inject(bytes: Uint8Array): void {
    for (const piece of this.#cut(bytes)) this.#send(piece);
  }

  /** From now on so much goes at a time. */
  slow(bytesPerMs: number): void {
    this.#bytesPerMs = bytesPerMs;
  }

  /** What is sent from now on arrives this much later. */
  holdBack(byMs: number): void {
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#world.nowMs) + byMs;
  }

  /** The writer's end closes: the end of the stream follows what was sent. */
  end(): void {
    if (this.#closed) return;
    this.#send(null);
    this.#closed = true;
    this.#serveWriter();
  }

  /** The reader's end closes: what arrives from now on is answered with a reset. */
  abandon(): void {
    this.#abandoned = true;
    this.#arrived.clear();
    this.#serveReader();
  }

  /** Both ends learn, now, that the connection is gone; bytes under way are lost. */
  break(): void {
    this.#broken = true;
    this.#dropUnderWay();
    this.#serveReader();
    this.#serveWriter();
  }

  /** Nothing gets through any more, and nobody is told. */
  swallow(): void {
    this.#blackHole = true;
    this.#underWay.length = 0; // but never acknowledged: the sender's window stays as full as it is
  }

  /** Lets what is under way arrive when it is time, unless it is held back. */
  pump(): void {
    if (this.#arriving || this.#underWay.length === 0) return;
    if (this.#owner.blocked(this.from, this.to)) return;
    this.#arriving = true;
    this.#world.schedule(this.#underWay[0].atMs - this.#world.nowMs, () => {
      this.#arriving = false;
      if (this.#underWay.length === 0 || this.#owner.blocked(this.from, this.to)) return;
      this.#arrive(this.#underWay.shift()!);
      this.pump();
    });
  }

  #send(bytes: Uint8Array | null): void {
    if (this.#closed || this.#broken) return;
    const size = bytes?.length ?? 0;
    this.#underWayBytes += size;
    this.#world.trace.number(size);
    if (this.#blackHole) return;
    const nowMs = this.#world.nowMs;
    this.#lineFreeAtMs = Math.max(nowMs, this.#lineFreeAtMs) + size / this.#bytesPerMs;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#lineFreeAtMs + this.#delayMs());
    this.#underWay.push({ bytes, atMs: this.#lastArrivalMs });
    this.pump();
  }

  #arrive({ bytes }: Segment): void {
    if (bytes === null) {
      this.#ended = true;
    } else {
      this.#underWayBytes -= bytes.length;
      if (this.#abandoned) return this.#owner.reset();
      this.#arrived.push(bytes);
    }
    this.#serveReader();
  }

  #dropUnderWay(): void {
    this.#underWay.length = 0;
    this.#underWayBytes = 0;
  }

  /** Settles the read that waits, if it can be by now and when its process runs. */
  #serveReader(): void {
    if (!this.#reader) return;
    this.to.enter(() => {
      const reader = this.#reader;
      if (!reader) return;
      const settle = (action: () => void) => {
        this.#reader = null;
        action();
      };
      if (this.#abandoned) settle(() => reader.resolve(null));
      else if (this.#broken) settle(() => reader.reject(wasReset()));
      else if (this.#arrived.bytes > 0) {
        settle(() => reader.resolve(this.#arrived.take(reader.buffer)));
        if (this.#writer && this.#hasRoom) {
          this.#world.schedule(this.#delayMs(), () => this.#serveWriter()); // as an ACK travels
        }
      } else if (this.#ended) settle(() => reader.resolve(null));
    });
  }

  /** Settles the write that waits, if it can be by now and when its process runs. */
  #serveWriter(): void {
    if (!this.#writer) return;
    this.from.enter(() => {
      const writer = this.#writer;
      if (!writer || !this.#closed && !this.#broken && !this.#hasRoom) return;
      this.#writer = null;
      if (this.#closed) writer.reject(new NetworkError("closed", "The connection is closed"));
      else if (this.#broken) writer.reject(wasReset());
      else writer.resolve();
    });
  }

  get #hasRoom(): boolean {
    return this.#underWayBytes + this.#arrived.bytes <= this.#owner.faults.windowBytes;
  }

  #delayMs(): number {
    const { delayMs, spikeChance, spikeMs } = this.#owner.faults;
    const delay = this.#random.between(delayMs);
    if (!this.#random.chance(spikeChance)) return delay;
    this.#world.faults.add("network delay");
    return delay + this.#random.between(spikeMs);
  }

  /** Pieces of random sizes, most often one. */
  #cut(bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let start = 0;
    while (bytes.length - start > 1 && this.#random.chance(this.#owner.faults.splitChance)) {
      const end = start + 1 + this.#random.below(bytes.length - start - 1);
      pieces.push(bytes.subarray(start, end));
      start = end;
    }
    if (start > 0) this.#world.faults.add("network split");
    if (start < bytes.length) pieces.push(bytes.subarray(start));
    return pieces;
  }
}

function wasReset(): NetworkError {
  return new NetworkError("reset", "The connection was reset");
}
