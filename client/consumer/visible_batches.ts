import { readControlRecord } from "../../protocol/records/control.ts";
import { isControl, isTransactional, lastOffset } from "../../protocol/records/batch_header.ts";
import type { Batch } from "../../protocol/records/batches.ts";
import { recordsIn } from "../../protocol/records/records.ts";

/** A transaction that was aborted, as Fetch tells of it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  /** Offset of its first record in the partition. */
  readonly firstOffset: bigint;
}

/** A batch, and whether a consumer is shown its records. */
export interface SeenBatch extends Batch {
  readonly isVisible: boolean;
}

/**
 * Tells which batches of a fetch a consumer is shown. Control batches never are. With read_committed (`aborted` is not
 * null) the records of an aborted transaction are not: from its first offset on everything of its producer, up to the
 * abort marker. What comes after the marker is another transaction, which the broker lists again if it was aborted too.
 */
export function* seenBatches(
  batches: Iterable<Batch>,
  aborted: readonly AbortedTransaction[] | null,
): Generator<SeenBatch, void, undefined> {
  const ahead = (aborted ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  let next = 0;
  /** Producers in the middle of a transaction that was aborted. */
  const aborting = new Set<bigint>();
  for (const batch of batches) {
    const { header } = batch;
    for (; next < ahead.length && ahead[next].firstOffset <= lastOffset(header); next++) {
      aborting.add(ahead[next].producerId);
    }
    if (isControl(header)) {
      if (aborted !== null && isAbortMarker(batch)) aborting.delete(header.producerId);
      yield { ...batch, isVisible: false };
    } else {
      const isAborted = isTransactional(header) && aborting.has(header.producerId);
      yield { ...batch, isVisible: !isAborted };
    }
  }
}

function isAbortMarker({ bytes }: Batch): boolean {
  for (const record of recordsIn(bytes)) return readControlRecord(record).type === "abort";
  return false;
}
