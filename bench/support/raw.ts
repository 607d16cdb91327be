/**
 * The yardsticks: the same bytes straight into and out of Deno KV, and through loopback TCP.
 *
 * @module
 */
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { key, prefixRange } from "../../storage/kv/key.ts";
import type { ByteStream } from "../../environment/environment.ts";
import type { Kv } from "../../storage/kv/kv.ts";
import { environment } from "./wire.ts";

const VALUE_BYTES = 65_536;
/** As many full values as fit one commit. */
const VALUES_PER_COMMIT = 11;
const FILES = 2;
const IN_FLIGHT_PER_FILE = 2;

/** Stores like the broker's: as many files, as many commits in flight, every commit packed full. */
export class RawStores implements AsyncDisposable {
  #written = 0;

  private constructor(
    private readonly path: string,
    private readonly folder: Awaited<ReturnType<typeof openDenoFolder>>,
    readonly files: readonly Kv[],
  ) {}

  static async open(): Promise<RawStores> {
    const path = await Deno.makeTempDir({ prefix: "odradek-bench-raw-" });
    const folder = await openDenoFolder(path);
    const files = await Promise.all(
      Array.from({ length: FILES }, (_, n) => folder.open(`log-${n}`)),
    );
    return new RawStores(path, folder, files);
  }

  /** Commits `bytes` durably. */
  async commit(bytes: number): Promise<void> {
    const value = environment.random.bytes(VALUE_BYTES);
    const end = this.#written + Math.ceil(bytes / (VALUE_BYTES * VALUES_PER_COMMIT));
    await Promise.all(
      this.files.flatMap((kv) =>
        Array.from({ length: IN_FLIGHT_PER_FILE }, async () => {
          while (this.#written < end) {
            const n = this.#written++;
            const sets = Array.from(
              { length: VALUES_PER_COMMIT },
              (_, at) => ({ key: key("raw", n, at), value }),
            );
            const outcome = await kv.commit({ sets });
            if (outcome.kind !== "ok") throw new Error(`A raw commit ended with ${outcome.kind}`);
          }
        })
      ),
    );
  }

  /** Commits one value durably. */
  async commitOne(value: Uint8Array): Promise<void> {
    const outcome = await this.files[0].commit({ sets: [{ key: key("one"), value }] });
    if (outcome.kind !== "ok") throw new Error(`A raw commit ended with ${outcome.kind}`);
  }

  /** Lists `bytes` of what was committed. */
  async list(bytes: number): Promise<void> {
    const { start, end } = prefixRange("raw");
    let left = bytes;
    while (left > 0) {
      for (const kv of this.files) {
        for (let from = start; left > 0;) {
          const page = await kv.list({ start: from, end }, { limit: 100 });
          if (page.length === 0) break;
          for (const { value } of page) left -= value.length;
          from = Uint8Array.of(...page.at(-1)!.key, 0);
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const kv of this.files) await kv.close();
    await this.folder.close();
    await Deno.remove(this.path, { recursive: true });
  }
}

/**
 * Takes `bytes` in that another thread sends through loopback TCP, and does nothing with them: what a broker cannot do
 * without, with the load on the same cores.
 */
export class Loopback implements AsyncDisposable {
  private constructor(
    private readonly sender: Worker,
    private readonly stream: ByteStream,
  ) {}

  static async open(): Promise<Loopback> {
    const listener = await environment.network.listen({ host: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const sender = new Worker(new URL("./loopback_sender.ts", import.meta.url), { type: "module" });
    sender.postMessage({ port: listener.address.port });
    const stream = (await accepted)!;
    listener.close();
    return new Loopback(sender, stream);
  }

  async receive(bytes: number): Promise<void> {
    this.sender.postMessage({ bytes });
    const buffer = new Uint8Array(1 << 20);
    for (let left = bytes; left > 0;) left -= (await this.stream.read(buffer)) ?? left;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stream.close();
    this.sender.terminate();
    return Promise.resolve();
  }
}
