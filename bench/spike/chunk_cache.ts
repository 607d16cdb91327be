/** Chunks read lately, at most 64 MiB of them. */
export class ChunkCache {
  readonly #chunks = new Map<string, Uint8Array>();
  #bytes = 0;

  /** Reads those of the named chunks that are not cached, ten at a time. */
  async load(reader: Deno.Kv, names: ReadonlyMap<string, Deno.KvKey>): Promise<void> {
    const missing = [...names].filter(([name]) => !this.#chunks.has(name));
    const reads: Promise<void>[] = [];
    for (let at = 0; at < missing.length; at += 10) {
      reads.push(this.#read(reader, missing.slice(at, at + 10)));
    }
    await Promise.all(reads);
  }

  async #read(reader: Deno.Kv, names: [string, Deno.KvKey][]): Promise<void> {
    const found = await reader.getMany<Uint8Array[]>(names.map(([, key]) => key));
    found.forEach(({ value }, at) => {
      if (value === null) throw new Error(`no chunk ${names[at][0]}`);
      this.#chunks.set(names[at][0], value);
      this.#bytes += value.length;
    });
    for (const [name, chunk] of this.#chunks) {
      if (this.#bytes <= 64 * 1024 * 1024) break;
      this.#chunks.delete(name);
      this.#bytes -= chunk.length;
    }
  }
}
