/**
 * A bare client for load: frames that are made beforehand, sent as fast as the broker takes them.
 *
 * @module
 */
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { sleep } from "../../environment/sleep.ts";
import type { ByteStream } from "../../environment/environment.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { decodeResponse, encodeRequest } from "../../protocol/frames.ts";
import { produceRequest, produceResponse } from "../../protocol/messages/00_produce.ts";
import { fetchRequest, fetchResponse } from "../../protocol/messages/01_fetch.ts";

export const environment = denoEnvironment({ log: { write: () => {} } });

const PRODUCE_VERSION = 9;
const FETCH_VERSION = 12;

/** One Produce request with the same batch for each of these partitions. */
export function produceFrame(
  topic: string,
  partitions: readonly number[],
  batch: Uint8Array,
): Uint8Array[] {
  const slices = encodeRequest(
    { schema: produceRequest, version: PRODUCE_VERSION, correlationId: 1, clientId: "bench" },
    {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{
        name: topic,
        partitionData: partitions.map((index) => ({ index, records: [batch] })),
      }],
    },
  );
  return [...slices];
}

/** A batch of about `bytes`: records of 1 KB that nothing compresses. */
export function batchOf(bytes: number): Uint8Array {
  const values: Uint8Array[] = [];
  for (let left = bytes - 61; left > 20; left -= 1_000) {
    values.push(environment.random.bytes(Math.max(1, Math.min(990, left - 10))));
  }
  return buildBatch(values.map((value) => ({ value, timestampMs: environment.clock.now() })));
}

/** One connection: requests in, frames of answers out. */
export class Wire implements Disposable {
  #buffer = new Uint8Array(4 * 1024 * 1024);
  #start = 0;
  #end = 0;

  private constructor(private readonly stream: ByteStream) {}

  static async dial(port: number): Promise<Wire> {
    return new Wire(await environment.network.dial({ host: "127.0.0.1", port }));
  }

  send(frame: readonly Uint8Array[]): Promise<void> {
    return this.stream.write(frame);
  }

  /** The next answer, without its size; valid until the next call. */
  async receive(): Promise<Uint8Array> {
    while (true) {
      const held = this.#end - this.#start;
      if (held >= 4) {
        const size = new DataView(this.#buffer.buffer).getInt32(this.#start);
        if (held >= 4 + size) {
          this.#start += 4 + size;
          return this.#buffer.subarray(this.#start - size, this.#start);
        }
        if (this.#buffer.length < 4 + size) this.#move(new Uint8Array(2 * (4 + size)));
      }
      if (this.#start > 0 && this.#end > this.#buffer.length / 2) this.#move(this.#buffer);
      const count = await this.stream.read(this.#buffer.subarray(this.#end));
      if (count === null) throw new Error("The broker has closed the connection");
      this.#end += count;
    }
  }

  #move(target: Uint8Array<ArrayBuffer>): void {
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = target;
  }

  [Symbol.dispose](): void {
    this.stream.close();
  }
}

/** Sends `requests` Produce frames over one connection, `window` of them unanswered, and checks every answer. */
export async function produceAll(
  wire: Wire,
  frames: readonly (readonly Uint8Array[])[],
  requests: number,
  window: number,
): Promise<void> {
  let sent = 0;
  const sendNext = () => wire.send(frames[sent++ % frames.length]);
  for (let n = 0; n < Math.min(window, requests); n++) await sendNext();
  for (let answered = 0; answered < requests; answered++) {
    const { body } = decodeResponse(produceResponse, PRODUCE_VERSION, await wire.receive());
    for (const { partitionResponses } of body.responses) {
      for (const { errorCode, errorMessage } of partitionResponses) {
        if (errorCode !== 0) throw new Error(`Produce was answered ${errorCode}: ${errorMessage}`);
      }
    }
    if (sent < requests) await sendNext();
  }
}

/** Asks for what a partition has at `offset`, or waits for half a second. */
function fetchFrame(
  topic: string,
  partition: number,
  offset: bigint,
  partitionMaxBytes = 1 << 20,
): readonly Uint8Array[] {
  const request = {
    topic,
    partitions: [{ partition, fetchOffset: offset, partitionMaxBytes }],
  };
  return encodeRequest(
    { schema: fetchRequest, version: FETCH_VERSION, correlationId: 1, clientId: "bench" },
    { maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 23, topics: [request], forgottenTopicsData: [] },
  );
}

/** The records that a Fetch was answered with. */
async function receiveRecords(wire: Wire): Promise<Uint8Array> {
  const { body } = decodeResponse(fetchResponse, FETCH_VERSION, await wire.receive());
  const { records, errorCode } = body.responses[0].partitions[0];
  const found = records?.[0];
  if (errorCode !== 0 || !found) throw new Error(`Fetch was answered ${errorCode}, or nothing`);
  return found;
}

/** Fetches what a partition has at `offset`, once. */
export async function fetchOnce(
  wire: Wire,
  topic: string,
  partition: number,
  offset: bigint,
  maxBytes: number,
): Promise<void> {
  await wire.send(fetchFrame(topic, partition, offset, maxBytes));
  await receiveRecords(wire);
}

/** Fetches a partition from `offset` on until `bytes` have come; returns the offset behind them. */
export async function fetchAll(
  wire: Wire,
  topic: string,
  offset: bigint,
  bytes: number,
): Promise<bigint> {
  for (let left = bytes; left > 0;) {
    await wire.send(fetchFrame(topic, 0, offset));
    const found = await receiveRecords(wire);
    left -= found.length;
    offset = behind(found);
  }
  return offset;
}

/**
 * Waits with a Fetch at the end of a partition, has a batch produced, and answers the milliseconds from the sending of
 * the batch to the arrival of its bytes at who waited; and the offset behind.
 */
export async function tailOnce(
  reader: Wire,
  writer: Wire,
  topic: string,
  offset: bigint,
  frame: readonly Uint8Array[],
): Promise<{ readonly ms: number; readonly offset: bigint }> {
  await reader.send(fetchFrame(topic, 0, offset));
  await sleep(environment, 2); // until it is parked
  const startMs = performance.now();
  const produced = produceAll(writer, [frame], 1, 1);
  const found = await receiveRecords(reader);
  const ms = performance.now() - startMs;
  await produced;
  return { ms, offset: behind(found) };
}

/** The offset behind the last whole batch of an answer. */
function behind(records: Uint8Array): bigint {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  let next = 0n;
  for (let position = 0; position + 61 <= records.length;) {
    const size = 12 + view.getInt32(position + 8);
    if (position + size > records.length) break;
    next = view.getBigInt64(position) + BigInt(view.getInt32(position + 23)) + 1n;
    position += size;
  }
  return next;
}
