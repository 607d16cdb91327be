import type { ByteStream } from "../../environment/environment.ts";
import type { FrameLease, RequestMemory } from "./request_memory.ts";

/** Frames up to this size lie in the receive buffer; larger ones get a buffer of their own. */
export const SMALL_FRAME_BYTES_MAX = 64 * 1024;
const RECEIVE_BUFFER_BYTES_MIN = 4 * 1024;
const SIZE_BYTES = 4;

/** The bytes cannot be a Kafka client's: the connection is closed, with this message as the one log line. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}

/** A request as it came, without its size, and the memory it holds until `release` is called. */
export interface Frame {
  /** Nobody writes to these bytes again. Empty after `release` when they had a buffer of their own. */
  readonly bytes: Uint8Array;
  /** Tells that the request's turn has come: it ends by itself from now on. */
  started(): void;
  /** Gives back the share of the request memory; idempotent. */
  release(): void;
}

const nothingHeld = () => {};
const NO_BYTES = new Uint8Array(0);

/**
 * Cuts the incoming bytes into frames.
 *
 * Small frames are views into a receive buffer that is filled from front to back and then left to the frames in it: it
 * is never written to twice, so a frame may be kept. A large frame is received straight into its own buffer, which
 * doubles as bytes arrive. So what is allocated follows what was received, never the size that was announced.
 */
export class FrameReader {
  #buffer = new Uint8Array(RECEIVE_BUFFER_BYTES_MIN);
  /** The unread part of the receive buffer. */
  #start = 0;
  #end = 0;
  #large: LargeFrame | null = null;

  constructor(
    private readonly stream: ByteStream,
    private readonly frameBytesMax: number,
    private readonly memory: RequestMemory,
    private readonly evict: () => void,
  ) {}

  /** Whether a frame has been begun and not finished. */
  get midFrame(): boolean {
    return this.#large !== null || this.#end > this.#start;
  }

  /**
   * The next frame if all of it was received; null when {@linkcode fill} has to be called.
   * @throws ProtocolViolation on a size that is negative or beyond the limit.
   */
  take(): Frame | null {
    if (this.#large !== null) {
      if (!this.#large.complete) return null;
      const frame = this.#large;
      this.#large = null;
      return frame;
    }
    const size = this.#announcedSize();
    if (size === null || this.#end - this.#start < SIZE_BYTES + size) return null;
    const from = this.#start + SIZE_BYTES;
    this.#start = from + size;
    const bytes = this.#buffer.subarray(from, this.#start);
    return { bytes, started: nothingHeld, release: nothingHeld };
  }

  /** Receives some bytes; false at the end of the stream. Waits for request memory when a large frame needs more. */
  async fill(): Promise<boolean> {
    const size = this.#large === null ? this.#announcedSize() : null;
    if (size !== null && SIZE_BYTES + size > SMALL_FRAME_BYTES_MAX) {
      const head = this.#buffer.subarray(this.#start + SIZE_BYTES, this.#end);
      this.#large = new LargeFrame(size, head, this.memory.lease(size, this.evict));
      this.#start = this.#end;
    }
    if (this.#large !== null) return await this.#large.receive(this.stream);
    this.#makeRoom(SIZE_BYTES + (size ?? 0));
    const room = this.#buffer.subarray(this.#end);
    const received = await this.stream.read(room);
    if (received === null) return false;
    this.#end += received;
    return true;
  }

  /** Gives back what an unfinished frame holds. */
  close(): void {
    this.#large?.release();
    this.#large = null;
  }

  #announcedSize(): number | null {
    if (this.#end - this.#start < SIZE_BYTES) return null;
    const at = this.#start, bytes = this.#buffer;
    const size = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    if (size < 0 || size > this.frameBytesMax) {
      throw new ProtocolViolation(this.#describeBadSize(size));
    }
    return size;
  }

  #describeBadSize(size: number): string {
    const head = this.#buffer.subarray(this.#start, this.#end);
    if (head[0] === 0x16 && head[1] === 0x03) return "A TLS hello arrived on a plaintext listener";
    if (/^(GET |HEAD|POST|PUT |OPTI|PRI )/.test(String.fromCharCode(...head.subarray(0, 4)))) {
      return "An HTTP request arrived on a Kafka listener";
    }
    return `A request announced ${size} bytes; 0 to ${this.frameBytesMax} are allowed`;
  }

  /** Sees to it that the unread part can grow to `neededBytes`, and that the next read is not a tiny one. */
  #makeRoom(neededBytes: number): void {
    const unread = this.#end - this.#start;
    const capacity = this.#buffer.length;
    const roomy = capacity - this.#end >= capacity / 4;
    if (roomy && capacity - this.#start >= neededBytes) return;
    // A buffer that a single read could fill, or a frame that does not fit, asks for a larger one.
    let next = unread > capacity / 2 ? capacity * 2 : capacity;
    while (next < neededBytes) next *= 2;
    next = Math.min(next, SMALL_FRAME_BYTES_MAX);
    const buffer = new Uint8Array(next);
    buffer.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = unread;
  }
}

/**
 * A frame in a buffer of its own, while it is received and after. The first 64 KiB are as free as those of a small frame;
 * what comes beyond is taken from the request memory.
 */
class LargeFrame implements Frame {
  #buffer: Uint8Array;
  #received: number;

  /** @param head what the receive buffer already holds of it */
  constructor(
    private readonly size: number,
    head: Uint8Array,
    private readonly lease: FrameLease,
  ) {
    this.#buffer = new Uint8Array(Math.min(size, SMALL_FRAME_BYTES_MAX));
    this.#buffer.set(head);
    this.#received = head.length;
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  get complete(): boolean {
    return this.#received === this.size;
  }

  /** Receives some bytes; false at the end of the stream. */
  async receive(stream: ByteStream): Promise<boolean> {
    if (this.#received === this.#buffer.length) await this.#grow();
    const received = await stream.read(this.#buffer.subarray(this.#received));
    if (received === null) return false;
    this.#received += received;
    if (this.complete) this.lease.received();
    return true;
  }

  started(): void {
    this.lease.started();
  }

  release(): void {
    this.lease.release();
    this.#buffer = NO_BYTES; // whoever still knows the frame, a request that is parked say, keeps no bytes
  }

  async #grow(): Promise<void> {
    const capacity = this.#buffer.length;
    const length = Math.min(capacity * 2, this.size);
    await this.lease.grow(length - capacity);
    const buffer = new Uint8Array(length);
    buffer.set(this.#buffer);
    this.#buffer = buffer;
  }
}
