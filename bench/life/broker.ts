/**
 * A broker as a process of its own, and load on it: what the parts of the benchmark share.
 *
 * @module
 */
import { Admin } from "../../client/mod.ts";
import {
  describeLogDirsRequest,
  describeLogDirsResponse,
} from "../../protocol/messages/35_describe_log_dirs.ts";
import { Serving } from "../../tests/cli/process.ts";
import { WireClient } from "../../tests/server/support.ts";
import { environment, produceAll, produceFrame, Wire } from "../support/wire.ts";

const MB = 1_000_000;
const CONNECTIONS = 4;
/** Unanswered requests of a connection: what Kafka's producers have. */
const WINDOW = 5;
const LOG_DIRS_VERSION = 4;

/** A broker on a folder of its own, which goes with it. */
export class LifeBroker implements AsyncDisposable {
  private constructor(
    readonly serving: Serving,
    private readonly data: string,
    readonly admin: Admin,
    readonly wires: readonly Wire[],
    private readonly asking: WireClient,
  ) {}

  static async start(...settings: string[]): Promise<LifeBroker> {
    const data = await Deno.makeTempDir({ prefix: "odradek-bench-life-" });
    const serving = await Serving.start(
      ...["--listen", "127.0.0.1:0", "--data", data],
      // A connection waits while the other log is filled.
      ...["--set", "connections.max.idle.ms=86400000"],
      ...settings.flatMap((setting) => ["--set", setting]),
    );
    const { port } = serving;
    const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => Wire.dial(port)));
    const admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
    const stream = await environment.network.dial({ host: "127.0.0.1", port });
    return new LifeBroker(serving, data, admin, wires, new WireClient(stream));
  }

  /** Produces about so many bytes, over all connections; requests of about a megabyte name several partitions. */
  async produce(
    topic: string,
    partitions: number,
    batches: readonly Uint8Array[],
    bytes: number,
  ): Promise<void> {
    const named = Math.max(1, Math.min(partitions, Math.floor(MB / batches[0].length)));
    const frames = batches.map((batch, n) =>
      produceFrame(
        topic,
        Array.from({ length: named }, (_, at) => (n * named + at) % partitions),
        batch,
      )
    );
    const requests = Math.ceil(bytes / (named * batches[0].length) / this.wires.length);
    await Promise.all(this.wires.map((wire) => produceAll(wire, frames, requests, WINDOW)));
  }

  /** Stored bytes of a topic. */
  async sizeBytes(topic: string): Promise<number> {
    const { results } = await this.asking.ask(
      [describeLogDirsRequest, describeLogDirsResponse],
      LOG_DIRS_VERSION,
      { topics: null },
    );
    const found = results[0].topics.find(({ name }) => name === topic);
    return found?.partitions.reduce((sum, each) => sum + Number(each.partitionSize), 0) ?? 0;
  }

  /** Bytes of the files in the data folder. */
  async folderBytes(): Promise<number> {
    let bytes = 0;
    for await (const { name } of Deno.readDir(this.data)) {
      bytes += (await Deno.stat(`${this.data}/${name}`)).size;
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.wires) wire[Symbol.dispose]();
    this.asking[Symbol.dispose]();
    await this.admin.close();
    await this.serving[Symbol.asyncDispose]();
    await Deno.remove(this.data, { recursive: true });
  }
}
