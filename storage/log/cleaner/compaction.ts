/**
 * Compaction: of each key the last record is kept.
 *
 * Two passes over one partition at a time. The first notes the last offset of each key among what was not compacted yet, for as
 * many keys as memory is given to it; what does not fit is left to the next run. The second decides about every batch from
 * the start of the log on. The rules are those of Kafka's `Cleaner`.
 *
 * @module
 */
import type { Batch } from "../../../protocol/records/batches.ts";
import {
  type BatchHeader,
  codecOf,
  hasDeleteHorizon,
  hasProducerId,
  isControl,
  lastOffset,
  readBatchHeader,
  TIMESTAMP_MS_MAX,
} from "../../../protocol/records/batch_header.ts";
import { readControlRecord } from "../../../protocol/records/control.ts";
import { filterBatch } from "../../../protocol/records/filter.ts";
import type { RecordReader } from "../../../protocol/records/record_reader.ts";
import { recordReader, recordsIn } from "../../../protocol/records/records.ts";
import type { AbortedTransaction } from "../partition_log.ts";
import type { LastRecord } from "../producer_states.ts";
import type { StoredBytes } from "../read_cursor.ts";
import { CleanedTransactions } from "./cleaned_transactions.ts";
import { BATCH_COST_BYTES, type BatchFilter, LOOK_BYTES } from "./cleaning_job.ts";
import type { CompactionPlan } from "./compaction_plan.ts";
import { OffsetMap } from "./offset_map.ts";
import { batchesOf } from "./segment_source.ts";

/** What a compaction goes by, beside its plan. */
export interface CompactionGround {
  readonly bytes: StoredBytes;
  readonly nowMs: number;
  /** Memory for the last offsets of keys. */
  readonly mapBytesMax: number;
  /** 16 bytes that nobody can guess. */
  readonly random: Uint8Array;
  /** Aborted transactions that overlap the plan. */
  readonly aborted: readonly AbortedTransaction[];
  /** What each producer of the partition wrote last. */
  readonly lastRecords: ReadonlyMap<bigint, LastRecord>;
  /** Stored bytes to be read at a time. */
  stepBytes(): number;
  /** Called between steps. */
  pause(): Promise<void>;
  /** Told when the batch at this offset cannot be read, before that is thrown. */
  onDamage(offset: number, error: unknown): void;
}

/** Carries the first pass out, and returns the filter for the second. */
export async function prepareCompaction(
  plan: CompactionPlan,
  ground: CompactionGround,
): Promise<BatchFilter> {
  const { endOffset, lastOffset } = plan;
  const keysMax = Math.max(0, endOffset - plan.dirtyFrom);
  const map = new OffsetMap({ bytesMax: ground.mapBytesMax, keysMax, random: ground.random });
  const notedTo = await noteKeys(plan, ground, map, endOffset);
  const bounds = {
    cleanedTo: Math.min(notedTo, lastOffset),
    endOffset,
    lastOffset,
  };
  return new CompactionFilter(map, bounds, plan.config.deleteRetentionMs, ground);
}

/** Returns the offset up to which every key is in the map. */
async function noteKeys(
  { index, dirtyFrom }: CompactionPlan,
  ground: CompactionGround,
  map: OffsetMap,
  endOffset: number,
): Promise<number> {
  const { bytes, aborted, pause, onDamage } = ground;
  // A transaction that ended before is none that a later record of its producer belongs to: its end is not met here.
  const transactions = new CleanedTransactions(
    aborted.filter(({ lastOffset }) => lastOffset >= dirtyFrom),
  );
  let next = dirtyFrom;
  let bytesAtOnce = 0;
  try {
    for await (const batches of batchesOf(index, bytes, dirtyFrom, endOffset, ground)) {
      for (const batch of batches) {
        const full = noteBatch(batch, transactions, map, dirtyFrom);
        if (full !== null) return full;
        next = lastOffset(batch.header) + 1;
        bytesAtOnce += batch.bytes.length + BATCH_COST_BYTES;
        if (bytesAtOnce < LOOK_BYTES) continue;
        bytesAtOnce = 0;
        await pause();
      }
    }
  } catch (error) {
    onDamage(next, error);
    throw error;
  }
  return endOffset;
}

/** Returns the offset of the first record for whose key there is no room; null if there was for all. */
function noteBatch(
  { header, bytes }: Batch,
  transactions: CleanedTransactions,
  map: OffsetMap,
  dirtyFrom: number,
): number | null {
  if (isControl(header)) markerIsIdle(transactions, header, bytes);
  else if (!transactions.isAborted(header)) {
    const records = recordReader(bytes, header);
    while (records.next()) {
      const offset = header.baseOffset + records.offsetDelta;
      if (offset < dirtyFrom || records.keyBytes < 0) continue;
      if (!map.put(records.bytes, records.keyAt, records.keyBytes, offset)) return offset;
    }
  }
  return null;
}

/** Up to where which records may go. */
interface FilterBounds {
  /** All before was looked at for keys that are repeated. */
  readonly cleanedTo: number;
  /** Batches that end here or beyond are left alone. */
  readonly endOffset: number;
  /** This record stays. */
  readonly lastOffset: number;
}

/** The second pass. */
class CompactionFilter implements BatchFilter {
  readonly #map: OffsetMap;
  readonly #ground: CompactionGround;
  /** Batches that end here or beyond are left alone. */
  readonly #endOffset: number;
  /** The last record of the log. */
  readonly #lastOffset: number;
  readonly #deleteHorizonMs: number;
  readonly #transactions: CleanedTransactions;
  /** Last offsets of markers that nothing is left of. */
  readonly #forgotten = new Set<number>();
  readonly cleanedTo: number;

  constructor(
    map: OffsetMap,
    { cleanedTo, endOffset, lastOffset }: FilterBounds,
    deleteRetentionMs: number,
    ground: CompactionGround,
  ) {
    this.#map = map;
    this.#endOffset = endOffset;
    this.#lastOffset = lastOffset;
    this.#ground = ground;
    // "For ever" is Long.MAX, and a horizon is stored where a batch has its first timestamp.
    this.#deleteHorizonMs = Math.min(ground.nowMs + deleteRetentionMs, TIMESTAMP_MS_MAX);
    this.#transactions = new CleanedTransactions(ground.aborted);
    this.cleanedTo = cleanedTo;
  }

  isForgotten({ lastOffset }: AbortedTransaction): boolean {
    return this.#forgotten.has(lastOffset);
  }

  filter(batch: Batch): Batch | null {
    const { header, bytes } = batch;
    if (lastOffset(header) >= this.#endOffset) return batch;
    return isControl(header)
      ? this.#marker(batch, markerIsIdle(this.#transactions, header, bytes))
      : this.#records(batch, this.#transactions.isAborted(header));
  }

  /** A marker is kept as long as a record of its transaction is there, and then `delete.retention.ms` longer. */
  #marker(batch: Batch, idle: boolean): Batch | null {
    const { header } = batch;
    if (!idle || lastOffset(header) >= this.cleanedTo) return batch;
    this.#forgotten.add(lastOffset(header));
    if (!hasDeleteHorizon(header)) return this.#rewritten(batch, () => true, true);
    if (header.baseTimestampMs > this.#ground.nowMs) return batch;
    return this.#isLastOfProducer(header) ? this.#rewritten(batch, () => false, false) : null;
  }

  #records(batch: Batch, aborted: boolean): Batch | null {
    const { header, bytes } = batch;
    if (aborted && lastOffset(header) >= this.#lastOffset) return batch;
    let kept = 0;
    let tombstones = false;
    const keep = (record: RecordReader) => !aborted && this.#isKept(header, record);
    for (const records = recordReader(bytes, header); records.next();) {
      if (!keep(records)) continue;
      kept++;
      tombstones ||= records.valueBytes < 0;
    }
    if (kept === 0 && !(hasProducerId(header) && this.#isLastOfProducer(header))) return null;
    const setHorizon = tombstones && !hasDeleteHorizon(header);
    // Earlier versions left the codec in batches of no records, which clients then cannot read.
    const isReadable = kept > 0 || codecOf(header) === "none";
    return kept === header.recordCount && !setHorizon && isReadable
      ? batch
      : this.#rewritten(batch, keep, setHorizon);
  }

  #isKept(header: BatchHeader, record: RecordReader): boolean {
    const offset = header.baseOffset + record.offsetDelta;
    if (offset >= this.cleanedTo) return true;
    if (record.keyBytes < 0) return false; // from before the topic was compacted
    if (offset < this.#map.get(record.bytes, record.keyAt, record.keyBytes)) return false;
    return record.valueBytes >= 0 || !hasDeleteHorizon(header) ||
      this.#ground.nowMs < header.baseTimestampMs;
  }

  /** The last batch of a producer keeps its sequence, be it without records. */
  #isLastOfProducer(header: BatchHeader): boolean {
    const last = this.#ground.lastRecords.get(header.producerId);
    if (last === undefined) return false;
    return last.dataOffset === null
      ? isControl(header) && header.producerEpoch === last.producerEpoch
      : lastOffset(header) === last.dataOffset;
  }

  #rewritten(
    { header, bytes }: Batch,
    keep: (record: RecordReader) => boolean,
    setHorizon: boolean,
  ): Batch {
    const deleteHorizonMs = setHorizon ? this.#deleteHorizonMs : null;
    const rewritten = filterBatch(bytes, header, recordReader(bytes, header), keep, {
      deleteHorizonMs,
    });
    return { header: readBatchHeader(rewritten), bytes: rewritten };
  }
}

/** Takes note of a control batch; true when nothing is left of its transaction. An empty one was cleaned before. */
function markerIsIdle(
  transactions: CleanedTransactions,
  header: BatchHeader,
  bytes: Uint8Array,
): boolean {
  for (const record of recordsIn(bytes)) {
    const control = readControlRecord(record);
    return control.type !== "other" && transactions.isIdle(header, control.type === "commit");
  }
  return true;
}
