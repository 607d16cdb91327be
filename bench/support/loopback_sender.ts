/**
 * A thread that sends through loopback TCP what it is told to: `{ port }` first, then `{ bytes }` again and again.
 *
 * @module
 */
import { environment } from "./wire.ts";
import type { ByteStream } from "../../environment/environment.ts";

const CHUNK = new Uint8Array(1 << 20);
let connecting: Promise<ByteStream> | null = null;
let sending = Promise.resolve();

/** What the thread is told. */
interface Order {
  readonly port?: number;
  readonly bytes?: number;
}

globalThis.addEventListener("message", (event) => {
  const { port, bytes } = (event as MessageEvent<Order>).data;
  if (port !== undefined) connecting = environment.network.dial({ host: "127.0.0.1", port });
  if (bytes !== undefined) sending = sending.then(() => send(bytes));
});

async function send(bytes: number): Promise<void> {
  const stream = await connecting!;
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    await stream.write([CHUNK.subarray(0, Math.min(left, CHUNK.length))]);
  }
}
