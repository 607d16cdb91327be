import {
  type BatchHeader,
  hasProducerId,
  isControl,
  isTransactional,
} from "../../protocol/records/batch_header.ts";
import { readControlRecord } from "../../protocol/records/control.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import type { ProducerFacts, TransactionMarker } from "./producer_states.ts";

/** What a batch says of its producer; null when it has none, and for control batches that end no transaction. */
export function producerFacts(
  bytes: Uint8Array,
  header: BatchHeader,
  baseOffset: number,
): ProducerFacts | null {
  if (!hasProducerId(header)) return null;
  const marker = isControl(header) ? markerIn(bytes) : null;
  if (isControl(header) && marker === null) return null;
  return {
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    baseOffset,
    lastOffset: baseOffset + header.lastOffsetDelta,
    timestampMs: header.maxTimestampMs,
    transactional: isTransactional(header),
    marker,
  };
}

/** What a control batch says, if it ends a transaction. */
function markerIn(bytes: Uint8Array): TransactionMarker | null {
  for (const record of recordsIn(bytes)) {
    const control = readControlRecord(record);
    if (control.type === "other") return null;
    return { committed: control.type === "commit", coordinatorEpoch: control.coordinatorEpoch };
  }
  return null;
}
