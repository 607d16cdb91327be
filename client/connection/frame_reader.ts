import type { ByteStream } from "../../environment/environment.ts";

/** What is read at once. */
const BUFFER_BYTES = 64 * 1024;
/** What a frame is given before its bytes have come. */
const UNSEEN_BYTES_MAX = 1024 * 1024;
const SIZE_BYTES = 4;

/** Reads frames, each behind its size in four bytes, from a stream. A frame belongs to whoever asked for it. */
export class FrameReader {
  readonly #stream: ByteStream;
  readonly #frameBytesMax: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #start = 0;
  #end = 0;

  /** Frames larger than `frameBytesMax` are refused. */
  constructor(stream: ByteStream, frameBytesMax: number) {
    this.#stream = stream;
    this.#frameBytesMax = frameBytesMax;
  }

  /**
   * The next frame, without its size; null at the end of the stream.
   *
   * @throws {RangeError} when the size is negative or too large, or the stream ends inside a frame
   */
  async next(): Promise<Uint8Array | null> {
    while (this.#end - this.#start < SIZE_BYTES) {
      if (await this.#fill() > 0) continue;
      if (this.#end === this.#start) return null;
      throw new RangeError("The connection ended inside a frame");
    }
    const size = this.#view.getInt32(this.#start);
    if (size < 0 || size > this.#frameBytesMax) {
      throw new RangeError(`A frame of ${size} bytes (at most ${this.#frameBytesMax})`);
    }
    this.#start += SIZE_BYTES;
    if (this.#end - this.#start < size) return await this.#long(size);
    const frame = this.#buffer.slice(this.#start, this.#start + size);
    this.#start += size;
    return frame;
  }

  /** A frame that is not all here yet. Its memory grows with what arrives. */
  async #long(size: number): Promise<Uint8Array> {
    const begun = this.#buffer.subarray(this.#start, this.#end);
    let frame = new Uint8Array(Math.min(size, Math.max(UNSEEN_BYTES_MAX, begun.length)));
    frame.set(begun);
    let filled = begun.length;
    this.#start = this.#end = 0;
    while (filled < size) {
      if (filled === frame.length) {
        const larger = new Uint8Array(Math.min(size, 2 * frame.length));
        larger.set(frame);
        frame = larger;
      }
      const count = await this.#stream.read(frame.subarray(filled));
      if (count === null) throw new RangeError("The connection ended inside a frame");
      filled += count;
    }
    return frame;
  }

  async #fill(): Promise<number> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#start > 0 && this.#end === BUFFER_BYTES) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await this.#stream.read(this.#buffer.subarray(this.#end)) ?? 0;
    this.#end += count;
    return count;
  }
}
