/**
 * What the tests of the server have in common: a broker in a world that stands still, and a client that speaks bytes.
 *
 * @module
 */
import { createBroker } from "../../mod.ts";
import type { ByteStream } from "../../environment/environment.ts";
import { decodeResponse, encodeRequest } from "../../protocol/mod.ts";
import { type Draft, type Infer, joined, type Schema } from "../../protocol/schema/mod.ts";
import type { KvFolder } from "../../storage/kv/kv.ts";
import { ManualEnvironment } from "../support/manual_environment.ts";

/** A client of one connection that sends what it is told and reads whole frames. */
export class WireClient implements Disposable {
  #buffer: Uint8Array = new Uint8Array(0);
  #nextId = 1;

  constructor(readonly stream: ByteStream) {}

  /** Sends bytes as they are. */
  send(...chunks: Uint8Array[]): Promise<void> {
    return this.stream.write(chunks);
  }

  /** The next frame without its size; null at the end of the stream. */
  async receive(): Promise<Uint8Array | null> {
    while (true) {
      const frame = this.#take();
      if (frame) return frame;
      const chunk = new Uint8Array(64 * 1024);
      const count = await this.stream.read(chunk).catch(() => null);
      if (count === null) return null;
      this.#buffer = joined([this.#buffer, chunk.subarray(0, count)]);
    }
  }

  /** Sends a request and decodes its answer. */
  async ask<Q extends Schema, R extends Schema>(
    [request, response]: readonly [Q, R],
    version: number,
    draft: Draft<Q>,
    clientId = "test",
  ): Promise<Infer<R>> {
    const correlationId = this.#nextId++;
    await this.send(
      ...encodeRequest({ schema: request, version, correlationId, clientId }, draft),
    );
    const frame = await this.receive();
    if (frame === null) throw new Error("The connection was closed");
    const answer = decodeResponse(response, version, frame);
    if (answer.correlationId !== correlationId) throw new Error("An answer out of order");
    return answer.body;
  }

  [Symbol.dispose](): void {
    this.stream.close();
  }

  #take(): Uint8Array | null {
    if (this.#buffer.length < 4) return null;
    const size = new DataView(this.#buffer.buffer, this.#buffer.byteOffset).getInt32(0);
    if (this.#buffer.length < 4 + size) return null;
    const frame = this.#buffer.slice(4, 4 + size);
    this.#buffer = this.#buffer.slice(4 + size);
    return frame;
  }
}

/** A broker, its world, and its clients. */
export interface TestBroker extends AsyncDisposable {
  readonly environment: ManualEnvironment;
  connect(): WireClient;
}

const CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** A broker in memory, in a world where time stands still until it is moved. */
export async function startBroker(
  config: Readonly<Record<string, string>> = {},
): Promise<TestBroker> {
  const environment = new ManualEnvironment();
  const broker = await createBroker({ environment, config, clusterId: CLUSTER_ID });
  return {
    environment,
    connect: () => new WireClient(broker.dial()),
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

/** A broker on a folder that others had before, or will have after it: in a world of its own. */
export async function startBrokerOn(
  data: KvFolder,
  config: Readonly<Record<string, string>> = {},
): Promise<TestBroker> {
  const environment = new ManualEnvironment();
  const broker = await createBroker({ environment, data, config, clusterId: CLUSTER_ID });
  return {
    environment,
    connect: () => new WireClient(broker.dial()),
    [Symbol.asyncDispose]: async () => {
      const closed = broker.close();
      await environment.advance(10_000);
      await closed;
    },
  };
}

/** A request frame whose header and body are given as bytes. */
export function rawFrame(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  rest = "",
): Uint8Array {
  const body = new TextEncoder().encode(rest);
  const frame = new Uint8Array(4 + 10 + body.length);
  const view = new DataView(frame.buffer);
  view.setInt32(0, frame.length - 4);
  view.setInt16(4, apiKey);
  view.setInt16(6, apiVersion);
  view.setInt32(8, correlationId);
  view.setInt16(12, -1);
  frame.set(body, 14);
  return frame;
}
