/**
 * Which offsets were given in a chunk whose directory is damaged: what must never be given again.
 *
 * The directory alone tells whose the batches are, but the batches themselves tell their offsets. As long as later batches of
 * the same partitions are there, the gaps between them are the lost offsets. At the end of the open segment there is no later
 * batch: then only the operator may decide (`odradek repair`).
 *
 * @module
 */
import { lastOffset } from "../../protocol/records/batch_header.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import type { Kv } from "../kv/kv.ts";
import { soundData, soundPartitions } from "./chunk.ts";
import { numberedRange } from "./keys.ts";
import type { PartitionIndex } from "./partition_index.ts";
import { listAll } from "../kv/list_all.ts";

/** Offsets of one batch, both included. */
export interface BatchExtent {
  readonly from: number;
  readonly to: number;
}

/** What a replay could not read. */
export class ReplayLosses {
  /** The last chunk with a damaged directory. */
  damagedRef: number | null = null;
  /** Commits that have such chunks. */
  readonly commits = new Set<number>();
  /** Gaps that later batches made visible. */
  readonly gaps: (BatchExtent & { readonly index: PartitionIndex })[] = [];

  /**
   * Lets a start go on only if every lost offset is known, and no end of a transaction can be among what is lost.
   *
   * @throws RangeError when offsets would be given again, or aborted records be taken for committed ones.
   */
  async requireKnown(kv: Kv, shard: number): Promise<void> {
    if (this.commits.size === 0) return;
    const lost: BatchExtent[] = [];
    for (const sequence of this.commits) {
      const extents = await lostBatches(kv, shard, sequence);
      if (extents === null) throw unknownEnd();
      lost.push(...extents);
    }
    const isSeen = ({ from, to }: BatchExtent) =>
      this.gaps.some((gap) => gap.from <= from && to <= gap.to);
    if (!lost.every(isSeen) || total(lost) !== total(this.gaps)) throw unknownEnd();
    const hasTransactions = ({ index }: { readonly index: PartitionIndex }) =>
      index.open?.events.some(({ transactional, marker }) => transactional || marker);
    if (this.gaps.some(hasTransactions)) {
      throw new RangeError("A chunk that may hold the end of a transaction is damaged");
    }
  }
}

/**
 * The batches of a commit that no sound directory names; null when their bytes are damaged, too, so that nobody can tell.
 */
export async function lostBatches(
  kv: Kv,
  shard: number,
  sequence: number,
): Promise<BatchExtent[] | null> {
  const chunks = await Array.fromAsync(
    listAll(kv, numberedRange("c", shard, sequence, sequence)),
  );
  const data: Uint8Array[] = [];
  const known = new Set<string>();
  for (const { value } of chunks) {
    const batches = soundData(value);
    if (!batches) return null;
    data.push(batches);
    for (const { entries } of soundPartitions(value) ?? []) {
      for (const entry of entries) {
        if (entry.partPosition === 0) known.add(`${entry.baseOffset}/${entry.crc}`);
      }
    }
  }
  data.push(...await stagedParts(kv, shard, sequence));
  const lost: BatchExtent[] = [];
  try {
    for (const { header } of batchesIn(data, "refuse")) {
      if (known.delete(`${header.baseOffset}/${header.crc}`)) continue;
      lost.push({ from: header.baseOffset, to: lastOffset(header) });
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return lost;
}

/** Where a log may end that ended at `endOffset` before these batches, if any of them could be its own. */
export function endAfter(endOffset: number, lost: readonly BatchExtent[]): number {
  const ends = new Set([endOffset]);
  for (const { from, to } of lost.toSorted((a, b) => a.from - b.from)) {
    if (ends.has(from)) ends.add(to + 1);
  }
  return Math.max(...ends);
}

/** The large batches that were staged for a commit, whole. */
async function stagedParts(kv: Kv, shard: number, sequence: number): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  const range = numberedRange("s", shard, sequence, sequence);
  for await (const { value } of listAll(kv, range, PAGE_ENTRIES)) parts.push(value);
  return parts;
}

const PAGE_ENTRIES = 16;

function total(extents: readonly BatchExtent[]): number {
  return extents.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

function unknownEnd(): RangeError {
  return new RangeError(
    "A chunk at the end of the open segment is damaged, so that offsets could be given again",
  );
}
