/**
 * Writes cleaned segments ahead: chunks, details and summaries under numbers that count nothing until they are published.
 *
 * @module
 */
import { type BatchHeader, lastOffset } from "../../../protocol/records/batch_header.ts";
import { invariant } from "../../../protocol/errors.ts";
import type { RandomSource } from "../../../environment/environment.ts";
import type { KvLimits } from "../../kv/kv.ts";
import { ByteWriter } from "../binary.ts";
import { ChunkArena } from "../chunk_arena.ts";
import { CommitBuilder } from "../commit_builder.ts";
import { chunkKey, chunkRef, stagedKey } from "../keys.ts";
import { OpenPart, type PartitionIndex } from "../partition_index.ts";
import type { AbortedTransaction, EpochEntry, PartitionId } from "../partition_log.ts";
import type { ProducerFacts } from "../producer_states.ts";
import { closePart, segmentSets } from "../segment_roll.ts";
import { EPOCHS_MAX, type SegmentHead, type SummaryEntry } from "../segment_summary.ts";
import { DETAIL_VALUE_BYTES } from "../shard_reader.ts";

type KvSet = { readonly key: Uint8Array; readonly value: Uint8Array };

/** How the producers stood at the end of what was cleaned. */
export interface ProducersAtEnd {
  readonly write: ((writer: ByteWriter) => void) | null;
  readonly events: ProducerFacts[];
}

/** What is known of a group of parts when all of its batches were added. */
export interface GroupEnd {
  readonly endOffset: number;
  readonly dirtyFrom: number;
  readonly producers: ProducersAtEnd;
  readonly epochs: readonly EpochEntry[];
  /** Those whose marker is still there, by last offset. */
  readonly aborted: readonly AbortedTransaction[];
}

/** A segment that was written ahead. */
export interface WrittenSegment {
  readonly head: SegmentHead;
  readonly entries: readonly SummaryEntry[];
}

/** Where an output writes to. */
export interface OutputTarget {
  readonly shard: number;
  readonly limits: KvLimits;
  readonly random: RandomSource;
  /** The numbers of the next segment and commit. */
  readonly next: { readonly segment: number; readonly sequence: number };
  /** A segment is ended when its chunks have so many bytes. */
  readonly segmentBytes: number;
  /** Stores values ahead; resolves when they are durable and the cleaner may go on. */
  store(sets: readonly KvSet[]): Promise<void>;
}

interface OutputPart {
  readonly id: PartitionId;
  readonly part: OpenPart;
  /** What goes into it when all of its batches are stored. */
  end: GroupEnd;
}

const NO_PRODUCERS: ProducersAtEnd = { write: null, events: [] };
const NO_END: GroupEnd = {
  endOffset: 0,
  dirtyFrom: 0,
  producers: NO_PRODUCERS,
  epochs: [],
  aborted: [],
};
const TOKEN_BYTES = 16;

/** The segments that one job writes. */
export class SegmentOutput {
  readonly #target: OutputTarget;
  readonly #arena: ChunkArena;
  readonly #batchBytesMax: number;
  readonly #ended: { readonly parts: readonly OutputPart[]; readonly head: SegmentHead }[] = [];
  #segment: number;
  #sequence: number;
  #firstSequence: number;
  #bytes = 0;
  #parts: OutputPart[] = [];
  #builder: CommitBuilder<OutputPart> | null = null;
  /** The parts of the group that is being added, of all segments. */
  #group: { readonly part: OutputPart; readonly segment: number }[] = [];

  constructor(target: OutputTarget) {
    this.#target = target;
    this.#arena = new ChunkArena(target.limits.valueBytesMax);
    this.#batchBytesMax = CommitBuilder.batchBytesMax(target.limits);
    this.#segment = target.next.segment;
    this.#sequence = this.#firstSequence = target.next.sequence;
  }

  /** Adds a batch of the partition, behind those before; its bytes are copied. */
  async add({ id }: PartitionIndex, header: BatchHeader, bytes: Uint8Array): Promise<void> {
    const current = this.#group.at(-1);
    const owner = current?.segment === this.#segment
      ? current.part
      : this.#beginPart(id, header.baseOffset);
    const batch = {
      owner,
      baseOffset: header.baseOffset,
      lastOffset: lastOffset(header),
      leaderEpoch: header.partitionLeaderEpoch,
      maxTimestampMs: header.maxTimestampMs,
      crc: header.crc,
      producer: null, // only the open segment is replayed
    };
    const large = bytes.length > this.#batchBytesMax;
    const token = large ? this.#target.random.bytes(TOKEN_BYTES) : null;
    const add = (builder: CommitBuilder<OutputPart>) =>
      token ? builder.addStaged(batch, bytes, token) : builder.add(batch, bytes);
    if (this.#builder && !add(this.#builder)) await this.#flush();
    if (!this.#builder) {
      this.#builder = new CommitBuilder(this.#arena, this.#target.limits);
      invariant(add(this.#builder), `A batch of ${bytes.length} bytes fits no commit`);
    }
    if (this.#bytes + this.#builder.bytes >= this.#target.segmentBytes) await this.endSegment();
  }

  /**
   * Ends the group of parts that was added last. A group without batches becomes an empty part when `keepEmpty`: it holds
   * the end of the log, its epochs and its producers.
   */
  endGroup({ id }: PartitionIndex, end: GroupEnd, keepEmpty: boolean): void {
    if (this.#group.length === 0 && keepEmpty) this.#beginPart(id, end.endOffset);
    const parts = this.#group;
    this.#group = [];
    parts.forEach(({ part }, at) => {
      const first = at === 0 ? 0 : part.part.firstOffset;
      const next = parts[at + 1]?.part.part.firstOffset ?? Infinity;
      part.end = {
        endOffset: Math.min(next, end.endOffset),
        dirtyFrom: end.dirtyFrom,
        producers: next === Infinity ? end.producers : NO_PRODUCERS,
        epochs: end.epochs.filter(({ startOffset }) => startOffset >= first && startOffset < next),
        aborted: end.aborted.filter(({ lastOffset }) => lastOffset >= first && lastOffset < next),
      };
    });
  }

  /** Completes the segment that is being written, if it has anything. */
  async endSegment(): Promise<void> {
    await this.#flush();
    if (this.#parts.length === 0) return;
    this.#ended.push({
      parts: this.#parts,
      head: {
        segment: this.#segment,
        firstSequence: this.#firstSequence,
        lastSequence: this.#sequence - 1,
        bytes: this.#bytes,
      },
    });
    this.#segment++;
    this.#firstSequence = this.#sequence;
    this.#bytes = 0;
    this.#parts = [];
  }

  /** Writes what was left to the end: the details and summaries of all segments. */
  async finish(): Promise<readonly WrittenSegment[]> {
    await this.endSegment();
    const written: WrittenSegment[] = [];
    for (const { parts, head } of this.#ended) {
      const details = new ByteWriter(DETAIL_VALUE_BYTES);
      const entries = parts.map(({ id, part, end }): SummaryEntry => {
        part.endOffset = end.endOffset;
        part.addAborted(end.aborted);
        part.events = end.producers.events;
        const dirtyFrom = Math.min(part.endOffset, Math.max(part.firstOffset, end.dirtyFrom));
        const closed = closePart(head.segment, part, dirtyFrom, end.producers.write, details);
        return { id, part: closed, epochs: mergedEpochs(end.epochs, part.epochs) };
      });
      for (const set of segmentSets(this.#target.shard, head, details, entries)) {
        await this.#target.store([set]);
      }
      written.push({ head, entries });
    }
    return written;
  }

  #beginPart(id: PartitionId, firstOffset: number): OutputPart {
    const part: OutputPart = {
      id,
      part: new OpenPart(firstOffset),
      end: NO_END,
    };
    this.#parts.push(part);
    this.#group.push({ part, segment: this.#segment });
    return part;
  }

  async #flush(): Promise<void> {
    const builder = this.#builder;
    if (!builder) return;
    this.#builder = null;
    const { shard } = this.#target;
    const sequence = this.#sequence++;
    const chunks = builder.seal();
    for (const { batch, sizeBytes, n } of builder.batches) {
      const { part, id } = batch.owner;
      part.addBatch({ ...batch, sizeBytes }, chunkRef(sequence, n), chunks[n].locals.get(id)!);
    }
    for (const { token, n, bytes } of builder.staged) {
      this.#bytes += bytes.length;
      await this.#target.store([{ key: stagedKey(shard, sequence, token, n), value: bytes }]);
    }
    this.#bytes += chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    await this.#target.store(
      chunks.map(({ bytes }, n) => ({ key: chunkKey(shard, sequence, n), value: bytes })),
    );
  }
}

/** Epochs that batches had, and those of which no batch is left: unless they are too many, then these are forgotten. */
export function mergedEpochs(
  known: readonly EpochEntry[],
  found: readonly EpochEntry[],
): EpochEntry[] {
  const named = new Set(known.map(({ epoch }) => epoch));
  const all = [...known, ...found.filter(({ epoch }) => !named.has(epoch))]
    .sort((a, b) => a.startOffset - b.startOffset);
  if (all.length <= EPOCHS_MAX) return all;
  const left = new Set(found.map(({ epoch }) => epoch));
  return all.filter(({ epoch }, at) => left.has(epoch) || at === all.length - 1);
}
