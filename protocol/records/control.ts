/**
 * Control records: what brokers write between the data, such as the end of a transaction (KIP-98).
 *
 * @module
 */
import { int16At, int32At, putInt16, putInt32 } from "./big_endian.ts";
import { buildBatch } from "./builder.ts";
import { NONE } from "./batch_header.ts";
import type { LogRecord } from "./records.ts";

const ABORT = 0;
const COMMIT = 1;
const KEY_BYTES = 4;
const MARKER_BYTES = 6;
const VERSION = 0;

/** How a transaction ended. */
export type TransactionResult = "commit" | "abort";

/** What a control record says. Types that a reader does not know are to be skipped. */
export type ControlRecord =
  | { readonly type: TransactionResult; readonly coordinatorEpoch: number }
  | { readonly type: "other"; readonly typeId: number };

/** What the marker at the end of a transaction says. */
export interface EndTransactionMarker {
  /** How it ended. */
  readonly result: TransactionResult;
  /** Whose transaction it was. */
  readonly producerId: bigint;
  /** With TV2 (KIP-890) the bumped epoch. */
  readonly producerEpoch: number;
  /** Epoch of the transaction coordinator that decided: fences its predecessors. */
  readonly coordinatorEpoch: number;
  /** The broker's wall clock. */
  readonly timestampMs: number;
  /** 0 if left out. */
  readonly baseOffset?: number;
  /** -1 if left out. */
  readonly partitionLeaderEpoch?: number;
}

/** The control batch that ends a transaction: one record, which takes one offset. */
export function controlBatch(marker: EndTransactionMarker): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  putInt16(key, 0, VERSION);
  putInt16(key, 2, marker.result === "commit" ? COMMIT : ABORT);
  const value = new Uint8Array(MARKER_BYTES);
  putInt16(value, 0, VERSION);
  putInt32(value, 2, marker.coordinatorEpoch);
  return buildBatch([{ key, value, timestampMs: marker.timestampMs }], {
    control: true,
    transactional: true,
    baseOffset: marker.baseOffset,
    partitionLeaderEpoch: marker.partitionLeaderEpoch,
    producer: {
      producerId: marker.producerId,
      producerEpoch: marker.producerEpoch,
      baseSequence: NONE,
    },
  });
}

/**
 * Reads a record of a control batch.
 *
 * @throws RangeError when its key, or the value of a transaction's end, is too short.
 */
export function readControlRecord({ key, value }: LogRecord): ControlRecord {
  if (key === null || key.length < KEY_BYTES) throw new RangeError("Control record has no type");
  const typeId = int16At(key, 2);
  if (typeId !== ABORT && typeId !== COMMIT) return { type: "other", typeId };
  if (value === null || value.length < MARKER_BYTES) {
    throw new RangeError("Marker of a transaction's end is cut short");
  }
  return {
    type: typeId === COMMIT ? "commit" : "abort",
    coordinatorEpoch: int32At(value, 2),
  };
}
