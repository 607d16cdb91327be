import {
  decodeResponse,
  type Draft,
  encodeRequest,
  type Infer,
  type Schema,
} from "../../../protocol/mod.ts";

/** A bare connection, for what no client shows: batches as they are stored, requests in a version of choice. */
export class Wire implements Disposable {
  readonly #connection: Deno.TcpConn;
  #correlationId = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect({ host, port }: { host: string; port: number }): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: host, port }));
  }

  /** Sends a request and waits for its answer. */
  async call<Q extends Schema, A extends Schema>(
    request: Q,
    response: A,
    version: number,
    draft: Draft<Q>,
  ): Promise<Infer<A>> {
    const correlationId = this.#correlationId++;
    const facts = { schema: request, version, correlationId, clientId: "compat" };
    for (const slice of encodeRequest(facts, draft)) await this.#send(slice);
    return decodeResponse(response, version, await this.#frame()).body;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  async #frame(): Promise<Uint8Array> {
    const size = await this.#exactly(4);
    return await this.#exactly(new DataView(size.buffer).getInt32(0));
  }

  async #exactly(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await this.#connection.read(bytes.subarray(filled));
      if (count === null) throw new Error("The broker closed the connection");
      filled += count;
    }
    return bytes;
  }
}
