/**
 * Reads the batches of closed segments for the cleaner.
 *
 * @module
 */
import { type Batch, batchesIn } from "../../../protocol/records/batches.ts";
import type { Kv } from "../../kv/kv.ts";
import { Chunk } from "../chunk.ts";
import { chunkRef, numberedRange, numbersOf } from "../keys.ts";
import type { PartitionIndex } from "../partition_index.ts";
import { readAll, ReadCursor, type StoredBytes } from "../read_cursor.ts";
import type { SegmentHead } from "../segment_summary.ts";
import { pagesOf } from "../../kv/list_all.ts";

/** Chunks that are read at a time, however small. */
const PAGE_CHUNKS_MAX = 32;

/**
 * The batches of a partition from `offset` on that begin below `endOffset`, in order, a step's bytes at a time. Views: good
 * until the next one.
 *
 * @throws KafkaError CORRUPT_MESSAGE at a damaged one, KAFKA_STORAGE_ERROR when the store fails.
 */
export async function* batchesOf(
  index: PartitionIndex,
  bytes: StoredBytes,
  offset: number,
  endOffset: number,
  pace: { stepBytes(): number },
): AsyncGenerator<readonly Batch[]> {
  for (let next = offset; next < endOffset;) {
    const request = {
      offset: next,
      beforeOffset: endOffset,
      maxBytes: pace.stepBytes(),
      minOneBatch: true,
    };
    const read = await readAll(new ReadCursor(index, bytes, request));
    yield [...batchesIn(read.slices, "refuse")];
    if (read.nextOffset === next) return;
    next = read.nextOffset;
  }
}

/**
 * All chunks of some segments in memory, over those that `beneath` has: for segments in which partitions are mixed so
 * finely that each chunk would be loaded many times. A step's bytes at a time.
 */
export async function wholeSegments(
  kv: Kv,
  shard: number,
  segments: readonly SegmentHead[],
  beneath: StoredBytes,
  pace: { stepBytes(): number; pause(): Promise<void> },
): Promise<StoredBytes> {
  if (segments.length === 0) return beneath;
  const chunks = new Map<number, Chunk>();
  for (const { firstSequence, lastSequence } of segments) {
    const range = numberedRange("c", shard, firstSequence, lastSequence);
    const bounds = { bytes: () => pace.stepBytes(), entriesMax: PAGE_CHUNKS_MAX };
    for await (const page of pagesOf(kv, range, bounds)) {
      for (const { key, value } of page) {
        const { major, minor } = numbersOf(key);
        chunks.set(chunkRef(major, minor), Chunk.loaded(value));
      }
      await pace.pause();
    }
  }
  return {
    cachedDetail: (part) => beneath.cachedDetail(part),
    detail: (part) => beneath.detail(part),
    cachedChunk: (ref) => chunks.get(ref) ?? beneath.cachedChunk(ref),
    chunks: (refs) => beneath.chunks(refs),
    cachedParts: (parts) => beneath.cachedParts(parts),
    parts: (sequence, parts) => beneath.parts(sequence, parts),
    prepare: (refs, bytes) => beneath.prepare(refs, bytes),
    noteLoads: () => {},
  };
}
