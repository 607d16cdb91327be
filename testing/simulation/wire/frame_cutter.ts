/** A piece of what is written: a whole frame, its size included, or bytes that nobody asked to have cut. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly isFrame: boolean;
}

const SIZE_BYTES = 4;

/** Follows the frames in a stream of bytes, and holds them back until they are whole where somebody wants to see them. */
export class FrameCutter {
  readonly #size = new Uint8Array(SIZE_BYTES);
  #sizeBytes = 0;
  /** Bytes of the frame that are still to come, once its size is known. */
  #left = 0;
  /** The frame so far; null when nobody wants it whole. */
  #kept: Uint8Array[] | null = null;

  /** Whether the last frame is complete. */
  get atBoundary(): boolean {
    return this.#sizeBytes === 0;
  }

  /** Cuts what is written at once. `whole` asks for whole frames from the next one on. */
  cut(chunks: readonly Uint8Array[], whole: boolean): Piece[] {
    const pieces: Piece[] = [];
    for (const chunk of chunks) this.#cutChunk(chunk, whole, pieces);
    if (this.#kept) this.#kept = [copied(this.#kept)]; // the writer may use its buffers again
    return pieces;
  }

  #cutChunk(bytes: Uint8Array, whole: boolean, pieces: Piece[]): void {
    for (let at = 0; at < bytes.length;) {
      if (this.atBoundary) this.#kept = whole ? [] : null;
      const end = this.#advance(bytes, at);
      const part = bytes.subarray(at, end);
      if (this.#kept) this.#kept.push(part);
      else pieces.push({ bytes: part, isFrame: false });
      if (this.#sizeBytes === SIZE_BYTES && this.#left === 0) {
        if (this.#kept) pieces.push({ bytes: copied(this.#kept), isFrame: true });
        this.#kept = null;
        this.#sizeBytes = 0;
      }
      at = end;
    }
  }

  /** Where the size, or else the body, of the frame ends that `at` lies in, or these bytes end before it. */
  #advance(bytes: Uint8Array, at: number): number {
    if (this.#sizeBytes < SIZE_BYTES) {
      const end = Math.min(bytes.length, at + SIZE_BYTES - this.#sizeBytes);
      this.#size.set(bytes.subarray(at, end), this.#sizeBytes);
      this.#sizeBytes += end - at;
      if (this.#sizeBytes === SIZE_BYTES) {
        this.#left = Math.max(0, new DataView(this.#size.buffer).getInt32(0));
      }
      return end;
    }
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    return end;
  }
}

/** One array of several; the same one if there is one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0] : copied(chunks);
}

function copied(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}
