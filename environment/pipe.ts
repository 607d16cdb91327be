import type { Address, ByteStream } from "./environment.ts";
import { ByteQueue } from "./byte_queue.ts";
import { NetworkError } from "./network_error.ts";

/** How a pipe is made. */
export interface PipeOptions {
  /** Bytes that one direction holds before its writer waits. Default 64 KiB. */
  readonly bufferBytesMax?: number;
  /** What the two ends call themselves. Default `in-process:0` both. */
  readonly addresses?: readonly [Address, Address];
}

const IN_PROCESS: Address = { host: "in-process", port: 0 };

/**
 * Two connected ends of an in-process connection: what one writes the other reads, with back pressure, as over TCP but
 * without a socket.
 */
export function pipe(options: PipeOptions = {}): [ByteStream, ByteStream] {
  const { bufferBytesMax = 64 * 1024, addresses: [near, far] = [IN_PROCESS, IN_PROCESS] } = options;
  const forth = new Lane(bufferBytesMax);
  const back = new Lane(bufferBytesMax);
  return [new PipeEnd(near, far, back, forth), new PipeEnd(far, near, forth, back)];
}

class PipeEnd implements ByteStream {
  constructor(
    readonly local: Address,
    readonly remote: Address,
    private readonly incoming: Lane,
    private readonly outgoing: Lane,
  ) {}

  read(buffer: Uint8Array): Promise<number | null> {
    return this.incoming.read(buffer);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.outgoing.write(chunks);
  }

  close(): void {
    this.outgoing.end();
    this.incoming.abandon();
  }
}

interface WaitingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
}

interface WaitingWrite {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One direction of a pipe. A large write is read straight from the writer's chunks; what is left of it when it fits the
 * buffer is copied, and only then does the write settle: so nothing is held that the writer may change.
 */
class Lane {
  readonly #queue = new ByteQueue();
  #reader: WaitingRead | null = null;
  #writer: WaitingWrite | null = null;
  #ended = false;
  #abandoned = false;

  constructor(private readonly bufferBytesMax: number) {}

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader) return Promise.reject(new TypeError("A read is in progress already"));
    if (buffer.length === 0) return Promise.reject(new RangeError("Cannot read into no bytes"));
    if (this.#queue.bytes > 0) {
      const count = this.#queue.take(buffer);
      this.#settleWriter();
      return Promise.resolve(count);
    }
    if (this.#ended || this.#abandoned) return Promise.resolve(null);
    return new Promise((resolve) => this.#reader = { buffer, resolve });
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#writer) return Promise.reject(new TypeError("A write is in progress already"));
    if (this.#ended) return Promise.reject(new NetworkError("closed", "The connection is closed"));
    if (this.#abandoned) return Promise.reject(peerHasClosed());
    for (const chunk of chunks) this.#queue.push(chunk);
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject };
      this.#serveReader();
      this.#settleWriter();
    });
  }

  /** The writer's side is closed: what is buffered can still be read, then the end. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.dropBorrowed();
    this.#failWriter(new NetworkError("closed", "The connection was closed"));
    if (this.#queue.bytes === 0) this.#endReader();
  }

  /** The reader's side is closed: nothing is read any more, writers are told. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#queue.clear();
    this.#failWriter(peerHasClosed());
    this.#endReader();
  }

  #serveReader(): void {
    const reader = this.#reader;
    if (!reader || this.#queue.bytes === 0) return;
    this.#reader = null;
    reader.resolve(this.#queue.take(reader.buffer));
  }

  #endReader(): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(null);
  }

  #failWriter(error: Error): void {
    const writer = this.#writer;
    this.#writer = null;
    writer?.reject(error);
  }

  #settleWriter(): void {
    const writer = this.#writer;
    if (!writer || this.#queue.bytes > this.bufferBytesMax) return;
    this.#writer = null;
    this.#queue.own();
    writer.resolve();
  }
}

function peerHasClosed(): NetworkError {
  return new NetworkError("reset", "The peer has closed the connection");
}
