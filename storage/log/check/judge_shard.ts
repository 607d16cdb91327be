/**
 * What the facts of a shard come to: which offsets of which partitions can be read, and what nothing leads to.
 *
 * @module
 */
import { keyParts } from "../../kv/key.ts";
import { CLEANED_FIRST, detailKey, numbersOf, sequenceOf } from "../keys.ts";
import { partitionName } from "../partition_index.ts";
import type { PartitionId } from "../partition_log.ts";
import {
  decodeDetail,
  type SegmentDetail,
  type SegmentHead,
  type SummaryEntry,
} from "../segment_summary.ts";
import { DETAIL_VALUE_BYTES } from "../shard_reader.ts";
import { keyName } from "./key_name.ts";
import type { CheckedPartition, DamagedOffsets, DamagedValue, OrphanedValues } from "./report.ts";
import type { KeyAndSize, ShardFacts } from "./shard_facts.ts";

/** What became of a shard. */
export interface ShardJudgement {
  readonly damage: readonly DamagedValue[];
  readonly partitions: readonly Omit<CheckedPartition, "topic">[];
  readonly orphans: readonly OrphanedValues[];
}

interface Standing {
  readonly id: PartitionId;
  startOffset: number;
  endOffset: number;
  readonly damaged: DamagedOffsets[];
}

/** Judges one shard; without HEAD only its values are known, not what they mean together. */
export function judgeShard(facts: ShardFacts): ShardJudgement {
  return facts.head === null
    ? { damage: facts.damage, partitions: [], orphans: [] }
    : new Judge(facts, facts.head.segment, facts.head.firstSequence).judgement();
}

/** Values that tell which segments there are. */
const SEGMENT_KINDS: ReadonlySet<string> = new Set(["m", "k", "r"]);

class Judge {
  readonly #facts: ShardFacts;
  readonly #openSegment: number;
  readonly #openFrom: number;
  readonly #damage: DamagedValue[];
  readonly #standings = new Map<string, Standing>();
  readonly #ended: ReadonlySet<number>;
  readonly #segments = new Map<number, SegmentHead>();

  constructor(facts: ShardFacts, openSegment: number, openFrom: number) {
    this.#facts = facts;
    this.#openSegment = openSegment;
    this.#openFrom = openFrom;
    this.#damage = [...facts.damage];
    this.#ended = new Set([...facts.publications.values()].flat());
    for (const { head } of facts.summaries) {
      if (this.#counts(head.segment)) this.#segments.set(head.segment, head);
    }
  }

  judgement(): ShardJudgement {
    this.#closedSegments();
    for (const { id, offset } of this.#facts.logStarts.values()) {
      if (this.#facts.removed.has(partitionName(id))) continue;
      const standing = this.#standing(id, offset);
      standing.startOffset = offset;
      standing.endOffset = Math.max(standing.endOffset, offset);
    }
    this.#openBatches();
    this.#damagedBatches();
    const orphans = this.#orphans();
    return { damage: this.#damage, partitions: this.#partitions(), orphans };
  }

  /** Whether a segment is closed and part of the log. */
  #counts(segment: number): boolean {
    if (this.#ended.has(segment)) return false;
    return segment < CLEANED_FIRST
      ? segment < this.#openSegment
      : this.#facts.publications.has(segment);
  }

  /** Whether a commit is in the open segment, or in a closed one that counts. */
  #isLive(sequence: number): boolean {
    return sequence >= this.#openFrom && sequence < CLEANED_FIRST ||
      [...this.#segments.values()].some((head) =>
        head.firstSequence <= sequence && sequence <= head.lastSequence
      );
  }

  #closedSegments(): void {
    const entries = this.#facts.summaries.flatMap(({ entries }) => entries);
    entries.sort(({ part: a }, { part: b }) => a.firstOffset - b.firstOffset);
    for (const entry of entries) {
      const { part, id } = entry;
      const counts = this.#counts(part.segment) && !this.#facts.removed.has(partitionName(id));
      const detail = this.#detail(entry, counts);
      if (!counts) continue;
      const standing = this.#standing(id, part.firstOffset);
      standing.endOffset = Math.max(standing.endOffset, part.endOffset);
      if (typeof detail === "string") {
        this.#note(standing, part.firstOffset, part.endOffset - 1, detail);
      } else this.#runs(standing, entry, detail);
    }
  }

  /** The details of a part, or what is wrong with them. Of what counts nothing any more they may be gone. */
  #detail({ part }: SummaryEntry, counts: boolean): SegmentDetail | string {
    const { segment, detailPosition, detailBytes } = part;
    const page = Math.floor(detailPosition / DETAIL_VALUE_BYTES);
    const bytes = cut(this.#facts.details.get(segment) ?? new Map(), detailPosition, detailBytes);
    try {
      if (bytes) return decodeDetail(bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.#damaged(detailKey(this.#facts.shard, segment, page), error.message);
    }
    const what = "The details of a segment are missing";
    return counts ? this.#damaged(detailKey(this.#facts.shard, segment, page), what) : what;
  }

  #damaged(key: Uint8Array, what: string): string {
    this.#damage.push({ store: this.#facts.store, key, name: keyName(key), what });
    return what;
  }

  #runs(standing: Standing, { part }: SummaryEntry, { runs }: SegmentDetail): void {
    const { chunks, unreadableChunks } = this.#facts;
    for (let at = 0; at < runs.length; at++) {
      const { firstOffset, ref } = runs.at(at);
      if (chunks.has(ref)) continue;
      const to = (at + 1 < runs.length ? runs.at(at + 1).firstOffset : part.endOffset) - 1;
      const why = unreadableChunks.has(ref)
        ? "The directory of their chunk is damaged"
        : "Their chunk is missing";
      this.#note(standing, firstOffset, to, why);
    }
  }

  /** The open segment has no details: what is missing shows as a gap. */
  #openBatches(): void {
    for (const { id, baseOffset, lastOffset } of this.#facts.openBatches) {
      if (this.#facts.removed.has(partitionName(id))) continue;
      const known = this.#standings.has(partitionName(id));
      const standing = this.#standing(id, known ? baseOffset : 0);
      if (baseOffset > standing.endOffset) {
        this.#note(standing, standing.endOffset, baseOffset - 1, "Their chunk cannot be read");
      }
      standing.endOffset = Math.max(standing.endOffset, lastOffset + 1);
    }
  }

  #damagedBatches(): void {
    for (const { id, ref, baseOffset, lastOffset } of this.#facts.damagedBatches) {
      const standing = this.#standings.get(partitionName(id));
      if (!standing || !this.#isLive(sequenceOf(ref))) continue;
      this.#note(standing, baseOffset, lastOffset, "Their batch is damaged");
    }
  }

  #standing(id: PartitionId, startOffset: number): Standing {
    const name = partitionName(id);
    let standing = this.#standings.get(name);
    if (!standing) {
      standing = { id, startOffset, endOffset: startOffset, damaged: [] };
      this.#standings.set(name, standing);
    }
    return standing;
  }

  #note({ damaged }: Standing, from: number, to: number, why: string): void {
    const last = damaged.at(-1);
    if (last?.why === why && last.to + 1 === from) damaged[damaged.length - 1] = { ...last, to };
    else damaged.push({ from, to, why });
  }

  #partitions(): Omit<CheckedPartition, "topic">[] {
    return [...this.#standings.values()].map(({ id, startOffset, endOffset, damaged }) => ({
      ...id,
      shard: this.#facts.shard,
      logStartOffset: startOffset,
      endOffset,
      damaged: damaged.filter(({ to }) => to >= startOffset).sort((a, b) => a.from - b.from),
    }));
  }

  #orphans(): OrphanedValues[] {
    const { keys, staged, unreadableChunks, store } = this.#facts;
    // As long as what tells the segments cannot be read, nobody knows what belongs to none.
    if (this.#damage.some(({ key }) => SEGMENT_KINDS.has(String(keyParts(key)[0])))) return [];
    const liveTokens = new Set(
      [...staged].filter(([, { ref }]) => this.#isLive(sequenceOf(ref))).map(([token]) => token),
    );
    const unreadable = new Set([...unreadableChunks].map(sequenceOf));
    const segmentIsGone = ({ key }: KeyAndSize) => !this.#segments.has(numbersOf(key).major);
    const kinds: readonly [string, string, (value: KeyAndSize) => boolean][] = [
      ["c", "chunks", ({ key }) => this.#isLeftOver(numbersOf(key).major, key)],
      ["s", "parts of large batches", ({ key }) => {
        const [, , sequence, token] = keyParts(key) as [string, number, number, Uint8Array];
        return !unreadable.has(sequence) && !liveTokens.has(token.toHex());
      }],
      ["d", "details of segments", segmentIsGone],
      ["m", "summaries of segments", segmentIsGone],
    ];
    return kinds.flatMap(([kind, what, isOrphan]) => {
      const found = (keys.get(kind) ?? []).filter(isOrphan);
      const bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
      return found.length > 0 ? [{ store, what, keys: found.map(({ key }) => key), bytes }] : [];
    });
  }

  /** Whether nothing leads to a chunk: of an ended segment, or of a cleaner that died. */
  #isLeftOver(sequence: number, key: Uint8Array): boolean {
    if (this.#isLive(sequence)) return false;
    const isEnded = this.#facts.summaries.some(({ head }) =>
      head.firstSequence <= sequence && sequence <= head.lastSequence
    );
    if (sequence >= CLEANED_FIRST || isEnded) return true;
    // The summary of a segment goes last: a chunk is never left behind by a deletion.
    this.#damaged(key, "The summary that should lead to this chunk is missing");
    return false;
  }
}

/** Bytes of a stream that was cut into pages; null when they are not all there. */
export function cut(
  pages: ReadonlyMap<number, Uint8Array>,
  position: number,
  length: number,
): Uint8Array | null {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const page = pages.get(Math.floor((position + at) / DETAIL_VALUE_BYTES));
    const from = (position + at) % DETAIL_VALUE_BYTES;
    const part = page?.subarray(from, from + length - at);
    if (!part || part.length === 0) return null;
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
