import { CHUNK_BYTES_MAX, GroupCommit, type Pending, type Prototype, SHARDS } from "./prototype.ts";
import { type KvFile, openKvFiles, setPieces } from "./kv_files.ts";

/**
 * Layout (a): chunks and a HEAD per partition. A commit checks and rewrites the HEAD of each partition in it: up to 100
 * partitions, the checks that a local file takes (a denokv server: 10).
 */
export async function openPerPartition(folder: string): Promise<Prototype> {
  const { files, close } = await openKvFiles(folder);
  const heads = new Map<number, { version: string; sequence: number }>();
  for (const { reader } of files) {
    for await (const { key, value, versionstamp } of reader.list<Uint8Array>({ prefix: ["h"] })) {
      const sequence = new DataView(value.buffer, value.byteOffset).getFloat64(0);
      heads.set(key[1] as number, { version: versionstamp, sequence });
    }
  }
  const fileOf = (partition: number): KvFile => files[partition % SHARDS % files.length];

  const write = async (taken: Pending[]): Promise<void> => {
    const file = fileOf(taken[0].partition);
    const atomic = file.writer.atomic();
    const decided = new Map<number, number>();
    let total = 0;
    for (const [partition, batches] of Map.groupBy(taken, ({ partition }) => partition)) {
      const head = heads.get(partition);
      const sequence = (head?.sequence ?? 0) + 1;
      const bytes = concatenated(batches);
      const value = new Uint8Array(24);
      new DataView(value.buffer).setFloat64(0, sequence);
      atomic.check({ key: ["h", partition], versionstamp: head?.version ?? null });
      atomic.set(["h", partition], value);
      await setPieces(file, atomic, bytes, (piece) => ["c", partition, sequence, piece]);
      decided.set(partition, sequence);
      total += bytes.length;
    }
    const result = await atomic.commit();
    if (!result.ok) throw new Error("conflict");
    for (const [partition, sequence] of decided) {
      heads.set(partition, { version: result.versionstamp, sequence });
    }
    file.wrote(total);
  };
  const shards = Array.from(
    { length: SHARDS },
    () => new GroupCommit(write, { partitionsMax: 100 }),
  );

  return {
    append: (partition, batch) => shards[partition % SHARDS].append(partition, batch),
    async *read(partition, stepBytes) {
      const prefix = ["c", partition];
      const batchSize = Math.ceil(Math.min(stepBytes, 2_000_000) / CHUNK_BYTES_MAX);
      const chunks = fileOf(partition).reader.list<Uint8Array>({ prefix }, { batchSize });
      for await (const { value } of chunks) yield value.length;
    },
    close,
  };
}

function concatenated(batches: readonly Pending[]): Uint8Array {
  const bytes = new Uint8Array(batches.reduce((sum, { batch }) => sum + batch.length, 0));
  let at = 0;
  for (const { batch } of batches) {
    bytes.set(batch, at);
    at += batch.length;
  }
  return bytes;
}
