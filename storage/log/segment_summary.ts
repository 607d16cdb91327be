/**
 * What is kept of a segment when it is full: a *summary* (one entry per partition: how far, how much, how late, which
 * epochs), read at start, and *details* (positions, aborted transactions, producers), read when a partition needs them.
 *
 * @module
 */
import { uuidFromBytes, uuidToBytes } from "../../protocol/uuid.ts";
import { ByteReader, ByteWriter } from "./binary.ts";
import { seal, unseal } from "./checked_value.ts";
import type { ClosedPart, OpenPart } from "./partition_index.ts";
import { type Run, Runs } from "./partition_index.ts";
import type { AbortedTransaction, EpochEntry, PartitionId } from "./partition_log.ts";
import { type ProducerFacts, ProducerStates } from "./producer_states.ts";

const VERSION = 2;
/** Upper bound of an entry without its epochs, and of one epoch. */
const ENTRY_BYTES_MAX = 106;
const EPOCH_BYTES_MAX = 16;
/** Epochs of a partition that a summary names, so that an entry fits a value: each start of the broker makes a new one. */
export const EPOCHS_MAX = 3_000;

/** What a summary says of the segment as a whole. */
export interface SegmentHead {
  readonly segment: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Bytes of its chunks. */
  readonly bytes: number;
}

/** One partition in a segment. */
export interface SummaryEntry {
  readonly id: PartitionId;
  readonly part: ClosedPart;
  readonly epochs: readonly EpochEntry[];
}

/** Packs a summary into values, each complete in itself. */
export function encodeSummary(
  head: SegmentHead,
  entries: readonly SummaryEntry[],
  valueBytesMax: number,
): Uint8Array[] {
  const values: Uint8Array[] = [];
  let page: SummaryEntry[] = [];
  let pageBytes = ENTRY_BYTES_MAX;
  for (const entry of entries) {
    const bytes = ENTRY_BYTES_MAX + Math.min(entry.epochs.length, EPOCHS_MAX) * EPOCH_BYTES_MAX;
    if (pageBytes + bytes > valueBytesMax && page.length > 0) {
      values.push(encodePage(head, page));
      page = [];
      pageBytes = ENTRY_BYTES_MAX;
    }
    page.push(entry);
    pageBytes += bytes;
  }
  values.push(encodePage(head, page));
  return values;
}

function encodePage(head: SegmentHead, entries: readonly SummaryEntry[]): Uint8Array {
  const topics = new Map<string, number>();
  for (const { id } of entries) if (!topics.has(id.topicId)) topics.set(id.topicId, topics.size);
  const writer = new ByteWriter(entries.length * 40 + 64);
  writer.uint8(VERSION);
  writer.varint(head.segment);
  writer.varint(head.firstSequence);
  writer.varint(head.lastSequence);
  writer.varint(head.bytes);
  writer.varint(topics.size);
  for (const topicId of topics.keys()) writer.raw(uuidToBytes(topicId));
  writer.varint(entries.length);
  for (const { id, part, epochs } of entries) {
    writer.varint(topics.get(id.topicId)!);
    writer.varint(id.partition);
    writer.varint(part.firstOffset);
    writer.varint(part.endOffset - part.firstOffset);
    writer.varint(Math.max(0, part.dirtyFrom - part.firstOffset));
    writer.varint(part.bytes);
    writer.signed(part.maxTimestampMs);
    writer.signed(part.firstTimestampMs);
    writer.varint(part.detailPosition);
    writer.varint(part.detailBytes);
    writer.varint(part.abortedFrom === Infinity ? 0 : part.abortedFrom + 1);
    const named = namedEpochs(epochs);
    writer.varint(named.length);
    for (const { epoch, startOffset } of named) {
      writer.varint(epoch);
      writer.varint(startOffset);
    }
  }
  return seal(writer);
}

/** The oldest and the latest: to those in between it looks as if the oldest went on, which takes no offset from anyone. */
function namedEpochs(epochs: readonly EpochEntry[]): readonly EpochEntry[] {
  return epochs.length <= EPOCHS_MAX ? epochs : [epochs[0], ...epochs.slice(1 - EPOCHS_MAX)];
}

/**
 * Reads one value of a summary.
 *
 * @throws RangeError when it is damaged or of an unknown version.
 */
export function decodeSummary(
  value: Uint8Array,
): { readonly head: SegmentHead; readonly entries: readonly SummaryEntry[] } {
  const reader = unseal(value, VERSION, "summary of a segment");
  const head = {
    segment: reader.varint(),
    firstSequence: reader.varint(),
    lastSequence: reader.varint(),
    bytes: reader.varint(),
  };
  const topics = Array.from({ length: reader.varint() }, () => uuidFromBytes(reader.raw(16)));
  const entries = Array.from({ length: reader.varint() }, (): SummaryEntry => {
    const id = { topicId: topics[reader.varint()], partition: reader.varint() };
    const firstOffset = reader.varint();
    const part = {
      segment: head.segment,
      firstOffset,
      endOffset: firstOffset + reader.varint(),
      dirtyFrom: firstOffset + reader.varint(),
      bytes: reader.varint(),
      maxTimestampMs: reader.signed(),
      firstTimestampMs: reader.signed(),
      detailPosition: reader.varint(),
      detailBytes: reader.varint(),
      abortedFrom: readAbortedFrom(reader),
    };
    const epochs = Array.from({ length: reader.varint() }, () => ({
      epoch: reader.varint(),
      startOffset: reader.varint(),
    }));
    return { id, part, epochs };
  });
  return { head, entries };
}

function readAbortedFrom(reader: ByteReader): number {
  const value = reader.varint();
  return value === 0 ? Infinity : value - 1;
}

/** How the producers of a partition stood at the end of a segment. */
export type ProducersThen =
  | { readonly kind: "none" }
  /** All of them. `states` throws a RangeError when they cannot be read: see `snapshotIn`. */
  | { readonly kind: "snapshot"; readonly states: () => ProducerStates }
  /** Only what this segment adds to the one before. */
  | { readonly kind: "events"; readonly events: readonly ProducerFacts[] };

/** What is kept of one partition in one segment, to be read on demand. */
export interface SegmentDetail {
  readonly runs: Runs;
  readonly aborted: readonly AbortedTransaction[];
  readonly producers: ProducersThen;
}

const NO_PRODUCERS = 0;
const SNAPSHOT = 1;
const EVENTS = 2;

/** Packs the details of one partition. `writeProducers` writes a snapshot; without it the part's events are kept. */
export function encodeDetail(
  part: OpenPart,
  writeProducers: ((writer: ByteWriter) => void) | null,
): Uint8Array {
  const writer = new ByteWriter(64 + part.runs.length * 16);
  writer.uint8(VERSION);
  writer.varint(part.runs.length);
  let previous = { firstOffset: 0, ref: 0, maxTimestampMs: 0 };
  for (let index = 0; index < part.runs.length; index++) {
    const run = part.runs.at(index);
    writer.varint(run.firstOffset - previous.firstOffset);
    writer.varint(run.ref - previous.ref);
    writer.varint(run.local);
    writer.signed(run.maxTimestampMs - previous.maxTimestampMs);
    writer.varint(run.bytes);
    previous = run;
  }
  writer.varint(part.aborted.length);
  for (const { producerId, firstOffset, lastOffset } of part.aborted) {
    writer.int64(producerId);
    writer.varint(firstOffset);
    writer.varint(lastOffset - firstOffset);
  }
  if (writeProducers) {
    writer.uint8(SNAPSHOT);
    writeProducers(writer);
  } else {
    writer.uint8(part.events.length > 0 ? EVENTS : NO_PRODUCERS);
    if (part.events.length > 0) writeEvents(writer, part.events);
  }
  return seal(writer);
}

/**
 * Reads the details of one partition.
 *
 * @throws RangeError when they are damaged or of an unknown version.
 */
export function decodeDetail(bytes: Uint8Array): SegmentDetail {
  return readDetail(unseal(bytes, VERSION, "details of a segment"), bytes);
}

/** The details of one partition in a segment's stream of them. */
export interface FramedDetail {
  readonly detail: SegmentDetail;
  readonly position: number;
  readonly bytes: number;
}

/**
 * All details of a segment, one behind the other, without the summary that tells where each begins.
 *
 * @throws RangeError when one of them is damaged: nobody knows where the next begins then.
 */
export function framedDetails(stream: Uint8Array): FramedDetail[] {
  const framed: FramedDetail[] = [];
  for (let position = 0; position < stream.length;) {
    const reader = new ByteReader(stream, position + 1); // behind the version
    const { producers } = readDetail(reader, stream);
    if (producers.kind === "snapshot") ProducerStates.decode(reader);
    reader.skip(4); // the checksum
    const bytes = reader.position - position;
    const detail = decodeDetail(stream.subarray(position, position + bytes));
    framed.push({ detail, position, bytes });
    position += bytes;
  }
  return framed;
}

function readDetail(reader: ByteReader, bytes: Uint8Array): SegmentDetail {
  const runs = new Runs();
  let previous = { firstOffset: 0, ref: 0, maxTimestampMs: 0 };
  for (let left = reader.varint(); left > 0; left--) {
    const run: Run = {
      firstOffset: previous.firstOffset + reader.varint(),
      ref: previous.ref + reader.varint(),
      local: reader.varint(),
      maxTimestampMs: previous.maxTimestampMs + reader.signed(),
      bytes: reader.varint(),
    };
    runs.add(run);
    previous = run;
  }
  const aborted = Array.from({ length: reader.varint() }, () => {
    const producerId = reader.int64();
    const firstOffset = reader.varint();
    return { producerId, firstOffset, lastOffset: firstOffset + reader.varint() };
  });
  return { runs, aborted, producers: readProducers(reader, bytes) };
}

function readProducers(reader: ByteReader, bytes: Uint8Array): ProducersThen {
  const kind = reader.uint8();
  if (kind === EVENTS) return { kind: "events", events: readEvents(reader) };
  if (kind !== SNAPSHOT) return { kind: "none" };
  // Not the large value that the details were cut out of.
  const own = bytes.slice(reader.position, reader.position + reader.left);
  return { kind: "snapshot", states: () => snapshotIn(own) };
}

/**
 * Before 2026-11-28 the sequence -1, which batches of coordinators have, was written as one byte that is read as the first of
 * several: the checksum is right, and all behind is shifted.
 */
function snapshotIn(bytes: Uint8Array): ProducerStates {
  const reader = new ByteReader(bytes);
  const states = ProducerStates.decode(reader);
  if (reader.left > 0) throw new RangeError(`${reader.left} bytes are left behind the producers`);
  return states;
}

function writeEvents(writer: ByteWriter, events: readonly ProducerFacts[]): void {
  writer.varint(events.length);
  for (const facts of events) {
    writer.int64(facts.producerId);
    writer.signed(facts.producerEpoch);
    writer.signed(facts.baseSequence);
    writer.varint(facts.baseOffset);
    writer.varint(facts.lastOffset - facts.baseOffset);
    writer.signed(facts.timestampMs);
  }
}

/** Only plain idempotent batches: partitions with transactions are opened before their segment is closed. */
function readEvents(reader: ByteReader): ProducerFacts[] {
  return Array.from({ length: reader.varint() }, () => {
    const head = {
      producerId: reader.int64(),
      producerEpoch: reader.signed(),
      baseSequence: reader.signed(),
    };
    const baseOffset = reader.varint();
    return {
      ...head,
      baseOffset,
      lastOffset: baseOffset + reader.varint(),
      timestampMs: reader.signed(),
      transactional: false,
      marker: null,
    };
  });
}
