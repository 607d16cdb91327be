/**
 * What a partition remembers of one producer, and how it is stored.
 *
 * @module
 */
import { NONE } from "../../protocol/records/batch_header.ts";
import type { ByteReader, ByteWriter } from "./binary.ts";

/** One remembered batch. */
export interface BatchMetadata {
  /** -1, like the last one, for a batch of a coordinator: those have no sequences. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly timestampMs: number;
}

/** One producer. Never changed: each batch makes a new one, so that the old one can be put back. */
export interface ProducerEntry {
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly lastTimestampMs: number;
  /** -1 = none. */
  readonly txnFirstOffset: number;
  /** Oldest first. */
  readonly batches: readonly BatchMetadata[];
}

/** Writes one producer. */
export function writeProducerEntry(
  writer: ByteWriter,
  producerId: bigint,
  entry: ProducerEntry,
): void {
  writer.int64(producerId);
  writer.signed(entry.producerEpoch);
  writer.signed(entry.coordinatorEpoch);
  writer.signed(entry.lastTimestampMs);
  writer.signed(entry.txnFirstOffset);
  writer.varint(entry.batches.length);
  for (const batch of entry.batches) {
    writer.varint(batch.firstSequence >>> 0);
    writer.varint(batch.lastSequence >>> 0);
    writer.varint(batch.lastOffset);
    writer.signed(batch.timestampMs);
  }
}

/**
 * Reads what `writeProducerEntry` wrote.
 *
 * @throws RangeError when it cannot have written that.
 */
export function readProducerEntry(reader: ByteReader): [bigint, ProducerEntry] {
  const producerId = reader.int64();
  const head = {
    producerEpoch: reader.signed(),
    coordinatorEpoch: reader.signed(),
    lastTimestampMs: reader.signed(),
    txnFirstOffset: reader.signed(),
  };
  const batches: BatchMetadata[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    batches.push({
      firstSequence: readSequence(reader),
      lastSequence: readSequence(reader),
      lastOffset: reader.varint(),
      timestampMs: reader.signed(),
    });
  }
  return [producerId, { ...head, batches }];
}

/** A sequence is an int32, as in Kafka's snapshots, here written as the uint32 with the same bits. */
function readSequence(reader: ByteReader): number {
  const bits = reader.varint();
  const sequence = bits | 0;
  if (sequence >>> 0 !== bits || sequence < NONE) {
    throw new RangeError(`${bits} is not the sequence of a batch`);
  }
  return sequence;
}
