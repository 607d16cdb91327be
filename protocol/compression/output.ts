/**
 * Bytes as codecs handle them: growing output, copies, repeats, words.
 *
 * @module
 */

/** Shorter copies are quicker byte by byte than through a call of the runtime. */
const SHORT_COPY_BYTES = 32;

/** A byte array that grows by doubling. */
export class GrowingBytes {
  /** What was written, and room for more behind it. */
  bytes: Uint8Array;
  /** Bytes written so far. */
  length = 0;

  /** Grows from this many bytes on. */
  constructor(initialBytes: number) {
    this.bytes = new Uint8Array(initialBytes);
  }

  /** Makes room for `count` more bytes. The array that `bytes` was before may be out of date afterwards. */
  reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Appends a copy of these bytes. */
  push(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written: a view. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Copies `length` bytes between two arrays. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (length > SHORT_COPY_BYTES) {
    target.set(source.subarray(from, from + length), to);
  } else {
    for (let i = 0; i < length; i++) target[to + i] = source[from + i];
  }
}

/**
 * Repeats what was written `distance` bytes ago, `length` bytes long: source and target overlap when the length is the
 * larger one, which is how LZ codecs write runs.
 */
export function copyMatch(bytes: Uint8Array, to: number, distance: number, length: number): void {
  if (length <= SHORT_COPY_BYTES) {
    for (let i = to, end = to + length; i < end; i++) bytes[i] = bytes[i - distance];
    return;
  }
  const from = to - distance;
  let copied = Math.min(distance, length);
  bytes.copyWithin(to, from, from + copied);
  // A run doubles with every step: source and target never overlap.
  while (copied < length) {
    const step = Math.min(copied, length - copied);
    bytes.copyWithin(to + copied, to, to + step);
    copied += step;
  }
}

/** Four bytes as one number, to compare and to hash. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
