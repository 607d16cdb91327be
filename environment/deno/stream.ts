import type { Address, ByteStream } from "../environment.ts";
import { NetworkError } from "../network_error.ts";
import { networkError } from "./errors.ts";

/** Neighbouring chunks are copied together up to this size: one system call instead of many. */
const GATHER_BYTES_MAX = 64 * 1024;

/** The part of `Deno.TcpConn` used here. */
export type TcpConnection = Pick<
  Deno.TcpConn,
  "localAddr" | "remoteAddr" | "read" | "write" | "close" | "setNoDelay"
>;

/** A TCP connection. */
export class DenoStream implements ByteStream {
  readonly local: Address;
  readonly remote: Address;
  #closed = false;

  constructor(private readonly connection: TcpConnection) {
    this.local = addressOf(connection.localAddr);
    this.remote = addressOf(connection.remoteAddr);
    try {
      connection.setNoDelay(true); // answers are whole: waiting for more to send only adds 40 ms
    } catch {
      // reset already: the first read or write will tell
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) return null;
    try {
      return await this.connection.read(buffer);
    } catch (error) {
      if (this.#closed) return null;
      throw networkError(`Cannot read from ${this.remote.host}:${this.remote.port}`, error);
    }
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#closed) throw new NetworkError("closed", "The connection is closed");
    try {
      for (const bytes of gather(chunks, GATHER_BYTES_MAX)) await this.#writeAll(bytes);
    } catch (error) {
      if (this.#closed) {
        throw new NetworkError("closed", "The connection was closed", { cause: error });
      }
      throw networkError(`Cannot write to ${this.remote.host}:${this.remote.port}`, error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.connection.close();
    } catch {
      // closed by the runtime already
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = await this.connection.write(bytes);
    while (written < bytes.length) {
      written += await this.connection.write(bytes.subarray(written));
    }
  }
}

/** The same bytes in fewer chunks: small neighbours are copied together, large chunks are passed as they are. */
export function* gather(
  chunks: readonly Uint8Array[],
  bytesMax: number,
): Generator<Uint8Array> {
  let start = 0;
  while (start < chunks.length) {
    let bytes = chunks[start].length;
    let end = start + 1;
    while (end < chunks.length && bytes + chunks[end].length <= bytesMax) {
      bytes += chunks[end++].length;
    }
    if (bytes > 0) yield end === start + 1 ? chunks[start] : concat(chunks, start, end, bytes);
    start = end;
  }
}

function concat(
  chunks: readonly Uint8Array[],
  start: number,
  end: number,
  bytes: number,
): Uint8Array {
  const joined = new Uint8Array(bytes);
  let position = 0;
  for (let index = start; index < end; index++) {
    joined.set(chunks[index], position);
    position += chunks[index].length;
  }
  return joined;
}

function addressOf(address: Deno.Addr): Address {
  return address.transport === "tcp"
    ? { host: address.hostname, port: address.port }
    : { host: address.transport, port: 0 };
}
