/**
 * What the chunks of a closed segment tell of one partition, when the details that should tell it are damaged.
 *
 * @module
 */
import { readBatchHeader } from "../../protocol/records/batch_header.ts";
import type { Kv } from "../kv/kv.ts";
import { Chunk, soundPartitions } from "./chunk.ts";
import { isWhole } from "./chunk_entry.ts";
import { chunkRef, numberedRange, numbersOf } from "./keys.ts";
import type { ClosedPart } from "./partition_index.ts";
import { Runs } from "./partition_index.ts";
import type { PartitionId } from "./partition_log.ts";
import { producerFacts } from "./producer_facts.ts";
import type { ProducerFacts } from "./producer_states.ts";
import type { SegmentHead } from "./segment_summary.ts";
import { listAll } from "../kv/list_all.ts";

/** Where a segment lies. */
export interface SegmentPlace {
  readonly kv: Kv;
  readonly shard: number;
  readonly head: SegmentHead;
}

/** A part of a log, as its chunks tell it. */
export interface RebuiltPart {
  readonly runs: Runs;
  /** What its batches say of their producers, in order. */
  readonly facts: readonly ProducerFacts[];
  /** Whether every batch could be read: otherwise something may be missing. */
  readonly whole: boolean;
}

const PAGE_ENTRIES = 16;

/** Reads all chunks of a segment for one of its parts. Slow: for what is broken. */
export async function rebuildPart(
  { kv, shard, head }: SegmentPlace,
  { topicId, partition }: PartitionId,
  { firstOffset, endOffset, bytes }: ClosedPart,
): Promise<RebuiltPart> {
  const runs = new Runs();
  const facts: ProducerFacts[] = [];
  let found = 0;
  const range = numberedRange("c", shard, head.firstSequence, head.lastSequence);
  for await (const { key, value } of listAll(kv, range, PAGE_ENTRIES)) {
    const chunk = Chunk.loaded(value);
    const partitions = soundPartitions(value);
    if (partitions === null) continue;
    const { major, minor } = numbersOf(key);
    for (const [local, { id, entries }] of partitions.entries()) {
      if (id.topicId !== topicId || id.partition !== partition) continue;
      for (const entry of entries) {
        const { baseOffset, maxTimestampMs, sizeBytes, position, length, partPosition } = entry;
        if (baseOffset < firstOffset || baseOffset >= endOffset || partPosition > 0) continue;
        const ref = chunkRef(major, minor);
        runs.addBatch({ firstOffset: baseOffset, ref, local, maxTimestampMs, bytes: sizeBytes });
        found += sizeBytes;
        // The cleaner leaves producers to the batches themselves.
        const readable = isWhole(entry) && !chunk.isDamagedAt(position);
        const batch = readable ? value.subarray(position, position + length) : null;
        const said = entry.producer ??
          (batch && producerFacts(batch, readBatchHeader(batch), baseOffset));
        if (said) facts.push(said);
      }
    }
  }
  return { runs, facts, whole: found === bytes };
}
