import { GroupCommit, type Pending, type Prototype, SEGMENT_BYTES, SHARDS } from "./prototype.ts";
import { type Entry, packed, unpackDirectory } from "./directory.ts";
import { openKvFiles } from "./kv_files.ts";

const GAP_BYTES_MAX = 65_536;

type Placed = Entry & { readonly segment: number; readonly base: number };

/**
 * Layout (c): a shard appends its commits to segment files and syncs each; Deno KV holds one summary per segment. The
 * commits are those of layout (b). Opening reads the directories of all segments, as if nothing was summarised.
 */
export async function openSegmentFiles(folder: string): Promise<Prototype> {
  const { files, close } = await openKvFiles(folder);
  const index = new Map<number, Placed[]>();
  const opened: Deno.FsFile[] = [];
  const place = (entry: Entry, segment: number, base: number) => {
    const placed = index.get(entry.partition) ?? [];
    placed.push({ ...entry, segment, base });
    index.set(entry.partition, placed);
  };
  const openSegment = async (shard: number, segment: number, create: boolean) => {
    const path = `${folder}/${shard}-${segment}.log`;
    const file = await Deno.open(path, { read: true, write: true, create });
    opened.push(file);
    return file;
  };

  const shards = await Promise.all(Array.from({ length: SHARDS }, async (_, shard) => {
    const segments: Deno.FsFile[] = [];
    let position = 0;
    while (
      await openSegment(shard, segments.length, segments.length === 0).then(
        (file) => segments.push(file),
        () => 0,
      )
    ) {
      position = await replay(segments.at(-1)!, (entry, base) => {
        place(entry, segments.length - 1, base);
      });
    }
    const write = async (taken: Pending[]): Promise<void> => {
      const { bytes, entries } = packed(taken);
      if (position + bytes.length > SEGMENT_BYTES) {
        segments.push(await openSegment(shard, segments.length, true));
        await files[shard % files.length].writer.set(
          ["s", shard, segments.length],
          new Uint8Array(60),
        );
        position = 0;
      }
      const file = segments.at(-1)!;
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.syncData();
      for (const entry of entries) place(entry, segments.length - 1, position);
      position += bytes.length;
    };
    return { group: new GroupCommit(write, { bytesMax: 1_000_000 }), segments };
  }));

  /** Batches that lie close together are one read, with what lies between them. */
  const read = async function* (partition: number, stepBytes: number) {
    const { segments } = shards[partition % SHARDS];
    const buffer = new Uint8Array(2_000_000);
    const placed = index.get(partition) ?? [];
    for (let at = 0; at < placed.length;) {
      const { segment, base, start } = placed[at];
      const from = base + start;
      let [to, bytes] = [from, 0];
      for (; at < placed.length && bytes < stepBytes; at++) {
        const next = placed[at];
        const position = next.base + next.start;
        const apart = next.segment !== segment || position > to + GAP_BYTES_MAX ||
          position + next.length > from + buffer.length;
        if (apart) break;
        to = position + next.length;
        bytes += next.length;
      }
      await segments[segment].seek(from, Deno.SeekMode.Start);
      for (let got = 0; got < to - from;) {
        got += (await segments[segment].read(buffer.subarray(got, to - from)))!;
      }
      yield bytes;
    }
  };

  return {
    append: (partition, batch) => shards[partition % SHARDS].group.append(partition, batch),
    read,
    async close() {
      opened.forEach((file) => file.close());
      await close();
    },
  };
}

/** Reads a segment from its start, and leaves the file at its end. @returns the end */
async function replay(
  file: Deno.FsFile,
  found: (entry: Entry, base: number) => void,
): Promise<number> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) at += (await file.read(bytes.subarray(at)))!;
  let base = 0;
  while (base < size) {
    const { length, entries } = unpackDirectory(bytes.subarray(base));
    for (const entry of entries) found(entry, base);
    base += length;
  }
  return base;
}
