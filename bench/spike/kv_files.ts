import { Checkpointer } from "../../storage/kv/deno/checkpointer.ts";
import { createWithLargePages } from "../../storage/kv/deno/page_size.ts";
import { chunksOf, FILES } from "./prototype.ts";

/** A Deno KV file with a handle to write and one to read. */
export interface KvFile {
  readonly writer: Deno.Kv;
  readonly reader: Deno.Kv;
  wrote(bytes: number): void;
}

/** The two Deno KV files of a prototype, opened as the adapter opens them. */
export async function openKvFiles(
  folder: string,
): Promise<{ files: KvFile[]; close(): Promise<void> }> {
  const checkpointer = new Checkpointer();
  const files: KvFile[] = [];
  for (let at = 0; at < FILES; at++) {
    const path = `${folder}/log-${at}.kv`;
    await createWithLargePages(path);
    const [writer, reader] = [await Deno.openKv(path), await Deno.openKv(path)];
    await checkpointer.add(path);
    files.push({ writer, reader, wrote: (bytes) => checkpointer.wrote(bytes) });
  }
  const close = async () => {
    for (const { writer, reader } of files) {
      writer.close();
      reader.close();
    }
    await checkpointer.stop();
  };
  return { files, close };
}

/** Sets values of 64 KiB under `name(piece)` in `atomic`; what does not fit goes ahead in commits of its own. */
export async function setPieces(
  file: KvFile,
  atomic: Deno.AtomicOperation,
  bytes: Uint8Array,
  name: (piece: number) => Deno.KvKey,
): Promise<void> {
  const pieces = chunksOf(bytes);
  let ahead = 0;
  while (pieces.length - ahead > 12) {
    const staged = file.writer.atomic();
    for (const end = ahead + 12; ahead < end; ahead++) staged.set(name(ahead), pieces[ahead]);
    await staged.commit();
  }
  for (; ahead < pieces.length; ahead++) atomic.set(name(ahead), pieces[ahead]);
}

/** Reads all values of a range, and calls `each` with their bytes. */
export async function readRange(
  { reader }: KvFile,
  selector: Deno.KvListSelector,
  each: (bytes: Uint8Array, key: Deno.KvKey) => void,
): Promise<void> {
  for await (const { key, value } of reader.list<Uint8Array>(selector, { batchSize: 32 })) {
    each(value, key);
  }
}
