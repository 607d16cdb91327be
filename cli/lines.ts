/**
 * Lines of bytes: a record's value need not be text.
 *
 * @module
 */
import { UsageError } from "./usage_error.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The lines of a stream without their ends (`\n` or `\r\n`); the last one needs none.
 *
 * @throws UsageError when a line is longer than `bytesMax`.
 */
export async function* linesOf(
  source: ReadableStream<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let open: Uint8Array[] = [];
  let openBytes = 0;
  for await (const chunk of source) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      openBytes += piece.length;
      if (openBytes > bytesMax) throw new UsageError(`a line has more than ${bytesMax} bytes`);
      open.push(piece);
      if (end < 0) break;
      yield withoutReturn(joined(open, openBytes));
      [open, openBytes, start] = [[], 0, end + 1];
    }
  }
  if (openBytes > 0) yield withoutReturn(joined(open, openBytes));
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
