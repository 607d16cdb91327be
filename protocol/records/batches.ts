/**
 * The batches in a stretch of a log, as Fetch returns it.
 *
 * @module
 */
import {
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_END,
  type BatchHeader,
  batchSizeAt,
  readBatchHeader,
} from "./batch_header.ts";

/** One batch: its header and all of its bytes, header included. */
export interface Batch {
  /** What its first 61 bytes say. */
  readonly header: BatchHeader;
  /** All of it, header included. */
  readonly bytes: Uint8Array;
}

/** What to do with a last batch that is not all there: a fetch answer may end in one, a log must not. */
export type CutTail = "ignore" | "refuse";

/**
 * Iterates over the batches in `input`: one stretch of bytes, or several slices that continue each other. A batch that
 * lies in one slice is a view; only one that spans slices is copied.
 *
 * @throws RangeError when a header is malformed, or the last batch is cut short and that is to be refused.
 */
export function* batchesIn(
  input: Uint8Array | readonly Uint8Array[],
  cutTail: CutTail = "ignore",
): Generator<Batch, void, undefined> {
  const slices = new Slices(input instanceof Uint8Array ? [input] : input);
  while (slices.leftBytes > 0) {
    const sizeBytes = slices.leftBytes < BATCH_HEADER_BYTES
      ? null
      : batchSizeAt(slices.peek(BATCH_LENGTH_END), 0);
    if (sizeBytes === null || sizeBytes > slices.leftBytes) {
      if (cutTail === "ignore") return;
      throw new RangeError(
        `Last batch is cut short: ${slices.leftBytes} of ${sizeBytes ?? "more"} bytes`,
      );
    }
    const bytes = slices.peek(Math.max(sizeBytes, BATCH_HEADER_BYTES));
    const header = readBatchHeader(bytes);
    slices.skip(sizeBytes);
    yield { header, bytes };
  }
}

/** Several slices, read as one. */
class Slices {
  leftBytes: number;
  readonly #slices: readonly Uint8Array[];
  #index = 0;
  #position = 0;

  constructor(slices: readonly Uint8Array[]) {
    this.#slices = slices;
    this.leftBytes = slices.reduce((sum, slice) => sum + slice.length, 0);
  }

  /** The next `count` bytes, which must be there: a view if they lie in one slice, a copy otherwise. */
  peek(count: number): Uint8Array {
    const slice = this.#slices[this.#index];
    if (slice.length - this.#position >= count) {
      return slice.subarray(this.#position, this.#position + count);
    }
    const copy = new Uint8Array(count);
    let copied = 0;
    for (let index = this.#index, from = this.#position; copied < count; index++, from = 0) {
      const part = this.#slices[index].subarray(from, from + count - copied);
      copy.set(part, copied);
      copied += part.length;
    }
    return copy;
  }

  skip(count: number): void {
    this.leftBytes -= count;
    this.#position += count;
    while (
      this.#index < this.#slices.length && this.#position >= this.#slices[this.#index].length
    ) {
      this.#position -= this.#slices[this.#index].length;
      this.#index++;
    }
  }
}
