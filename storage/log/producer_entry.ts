/**
 * What a partition remembers of one producer, and how it is stored.
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "./binary.ts";

/** One remembered batch. */
export interface BatchMetadata {
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
    writer.varint(batch.firstSequence);
    writer.varint(batch.lastSequence);
    writer.varint(batch.lastOffset);
    writer.signed(batch.timestampMs);
  }
}

/** Reads what `writeProducerEntry` wrote. */
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
      firstSequence: reader.varint(),
      lastSequence: reader.varint(),
      lastOffset: reader.varint(),
      timestampMs: reader.signed(),
    });
  }
  return [producerId, { ...head, batches }];
}
