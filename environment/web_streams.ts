import type { ByteStream } from "./environment.ts";

/** A duplex of bytes as web streams. */
export interface ByteDuplex {
  /** What comes in. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes out. */
  readonly writable: WritableStream<Uint8Array>;
}

/** Bytes of one read. */
const READ_BYTES = 64 * 1024;

/** A byte stream as web streams: what is written goes out, what comes in can be read. Back pressure both ways. */
export function webStreams(stream: ByteStream): ByteDuplex {
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await stream.read(buffer);
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
    },
    cancel: () => stream.close(),
  }, { highWaterMark: 0 });
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) => stream.write([chunk]),
    close: () => stream.close(),
    abort: () => stream.close(),
  });
  return { readable, writable };
}
