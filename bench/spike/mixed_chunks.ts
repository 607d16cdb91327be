import { CHUNK_BYTES_MAX, GroupCommit, type Pending, type Prototype, SHARDS } from "./prototype.ts";
import { type Entry, packed, unpackDirectory } from "./directory.ts";
import { openKvFiles, readRange, setPieces } from "./kv_files.ts";
import { ChunkCache } from "./chunk_cache.ts";

type Placed = Entry & { readonly sequence: number };

/**
 * Layout (b): a shard is one chain of commits; a commit checks and rewrites the shard's HEAD and sets full chunks, that mix
 * the batches of its partitions behind a directory. Opening replays every directory, as if nothing was summarised.
 */
export async function openMixedChunks(folder: string): Promise<Prototype> {
  const { files, close } = await openKvFiles(folder);
  const index = new Map<number, Placed[]>();
  const cache = new ChunkCache();
  const place = (entry: Entry, sequence: number) => {
    const placed = index.get(entry.partition) ?? [];
    placed.push({ ...entry, sequence });
    index.set(entry.partition, placed);
  };

  const shards = await Promise.all(Array.from({ length: SHARDS }, async (_, shard) => {
    const file = files[shard % files.length];
    let { versionstamp: version } = await file.reader.get(["h", shard]);
    let sequence = 0;
    await readRange(file, { prefix: ["c", shard] }, (bytes, key) => {
      if (key[3] !== 0) return;
      sequence = key[2] as number;
      for (const entry of unpackDirectory(bytes).entries) place(entry, sequence);
    });
    const write = async (taken: Pending[]): Promise<void> => {
      const { bytes, entries } = packed(taken);
      const current = ++sequence;
      const atomic = file.writer.atomic()
        .check({ key: ["h", shard], versionstamp: version })
        .set(["h", shard], new Uint8Array(32).fill(current & 255));
      await setPieces(file, atomic, bytes, (piece) => ["c", shard, current, piece]);
      const result = await atomic.commit();
      if (!result.ok) throw new Error("conflict");
      version = result.versionstamp;
      for (const entry of entries) place(entry, current);
      file.wrote(bytes.length);
    };
    return { shard, file, group: new GroupCommit(write) };
  }));

  const read = async function* (partition: number, stepBytes: number) {
    const shard = partition % SHARDS;
    const { reader } = files[shard % files.length];
    const names = new Map<string, Deno.KvKey>();
    let bytes = 0;
    for (const { sequence, start, length } of index.get(partition) ?? []) {
      const last = Math.floor((start + length - 1) / CHUNK_BYTES_MAX);
      for (let piece = Math.floor(start / CHUNK_BYTES_MAX); piece <= last; piece++) {
        names.set(`${shard}/${sequence}/${piece}`, ["c", shard, sequence, piece]);
      }
      bytes += length;
      if (bytes < stepBytes) continue;
      await cache.load(reader, names);
      yield bytes;
      names.clear();
      bytes = 0;
    }
    await cache.load(reader, names);
    yield bytes;
  };

  /** What the cleaner does to a segment: batches in the order of partitions, then the old chunks deleted. */
  const clean = async (): Promise<void> => {
    const old = [...index].sort(([a], [b]) => a - b);
    index.clear();
    for (const { shard, file, group } of shards) {
      const pieces = new Map<string, Uint8Array>();
      const names: Deno.KvKey[] = [];
      await readRange(file, { prefix: ["c", shard] }, (bytes, key) => {
        pieces.set(key.slice(2).join("/"), bytes);
        names.push(key);
      });
      let appended = Promise.resolve();
      for (const [partition, placed] of old.filter(([each]) => each % SHARDS === shard)) {
        for (const entry of placed) {
          appended = group.append(partition, batchOf(pieces, entry));
          if (group.waiting > 2_000 || entry.length > 500_000) await appended;
        }
      }
      await appended;
      for (let at = 0; at < names.length; at += 200) {
        const atomic = file.writer.atomic();
        for (const name of names.slice(at, at + 200)) atomic.delete(name);
        await atomic.commit();
      }
    }
  };

  return {
    append: (partition, batch) => shards[partition % SHARDS].group.append(partition, batch),
    read,
    clean,
    close,
  };
}

function batchOf(pieces: ReadonlyMap<string, Uint8Array>, { sequence, start, length }: Placed) {
  const batch = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const piece = Math.floor((start + at) / CHUNK_BYTES_MAX);
    const from = start + at - piece * CHUNK_BYTES_MAX;
    const part = pieces.get(`${sequence}/${piece}`)!.subarray(from, from + length - at);
    batch.set(part, at);
    at += part.length;
  }
  return batch;
}
