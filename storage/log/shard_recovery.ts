/**
 * What a shard does at start, after it took its chain over: reads the summaries of closed segments, replays the open one,
 * and removes what a writer that died had prepared and never published.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { NONE } from "../../protocol/records/batch_header.ts";
import type { CommitChain } from "../chain/commit_chain.ts";
import { key, keyParts } from "../kv/key.ts";
import { after, listAll } from "../kv/list_all.ts";
import type { Kv, KvEntry, KvRange } from "../kv/kv.ts";
import { type ChunkPartition, soundPartitions } from "./chunk.ts";
import {
  chunkRef,
  CHUNKS_PER_COMMIT_MAX,
  CLEANED_FIRST,
  kindRange,
  numberedRange,
  numbersOf,
  type ShardKeyKind,
} from "./keys.ts";
import { decodeLogStart } from "./log_start.ts";
import { ReplayLosses } from "./lost_offsets.ts";
import { partitionName } from "./partition_index.ts";
import { decodePublication } from "./publication.ts";
import {
  decodeOpenSegment,
  encodeOpenSegment,
  newSegment,
  ShardCatalogue,
} from "./shard_catalogue.ts";
import { decodeSummary, type SummaryEntry } from "./segment_summary.ts";
import { decodeTombstone } from "./tombstone.ts";

/** Entries of a list page of values of up to 64 KiB. */
const CHUNK_PAGE_ENTRIES = 64;
const DELETES_PER_COMMIT = 200;

/** Where to recover from. */
export interface RecoverySource {
  readonly name: string;
  readonly shard: number;
  readonly kv: Kv;
  readonly chain: CommitChain;
  readonly environment: Environment;
}

/**
 * The catalogue of a shard, as of the last commit.
 *
 * @throws RangeError when a summary, a tombstone or HEAD is damaged or of an unknown version.
 */
export async function recoverShard(source: RecoverySource): Promise<ShardCatalogue> {
  const catalogue = new ShardCatalogue(decodeOpenSegment(source.chain.state));
  const tokens = new Set<string>();
  const firstPage = pageOf(source, openRange(source, catalogue));
  firstPage.catch(() => {}); // if something before it fails, that is told
  const removed = await readTombstones(source, catalogue);
  await readSummaries(source, catalogue, removed);
  await readLogStarts(source, catalogue, removed);
  await replay(source, catalogue, removed, tokens, firstPage);
  catalogue.openedAtMs = openedAt(catalogue, source.environment.clock.now());
  await removeUnpublished(source, catalogue, tokens);
  return catalogue;
}

async function readTombstones(
  { kv, shard }: RecoverySource,
  catalogue: ShardCatalogue,
): Promise<ReadonlySet<string>> {
  const removed = new Set<string>();
  for await (const { key, value } of listAll(kv, kindRange("r", shard))) {
    const tombstone = decodeTombstone(value, numbersOf(key).minor);
    catalogue.tombstones.set(tombstone.number, tombstone);
    for (const id of tombstone.ids) removed.add(partitionName(id));
  }
  return removed;
}

async function readSummaries(
  source: RecoverySource,
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
): Promise<void> {
  const { kv, shard } = source;
  const publications = await readPublications(source);
  const replaced = new Set([...publications.values()].flat());
  const found: SummaryEntry[] = [];
  for (
    const [first, end] of [[0, catalogue.head.segment], [CLEANED_FIRST, Number.MAX_SAFE_INTEGER]]
  ) {
    const range = { start: key("m", shard, first), end: key("m", shard, end) };
    for await (const { value } of listAll(kv, range)) {
      const { head, entries } = decodeSummary(value);
      const { segment } = head;
      if (segment >= CLEANED_FIRST && !publications.has(segment)) continue;
      catalogue.noteCleaned(head);
      if (replaced.has(segment)) {
        catalogue.replaced.set(segment, { ...head, atMs: -Infinity });
        continue;
      }
      if (!catalogue.segments.has(segment)) catalogue.segments.set(segment, newSegment(head));
      for (const entry of entries) {
        if (removed.has(partitionName(entry.id))) {
          catalogue.noteDirty(segment, partitionName(entry.id));
        } else found.push(entry);
      }
    }
  }
  // Cleaned segments hold older offsets than their numbers tell.
  found.sort(({ part: a }, { part: b }) =>
    a.firstOffset - b.firstOffset || a.endOffset - b.endOffset
  );
  for (const { id, part, epochs } of found) catalogue.index(id).addClosed(part, epochs);
  for (const segment of publications.keys()) {
    catalogue.noteCleaned({ segment, firstSequence: 0, lastSequence: 0, bytes: 0 });
    if (!catalogue.segments.has(segment) && !catalogue.replaced.has(segment)) {
      catalogue.idlePublications.add(segment);
    }
  }
}

/** Which cleaned segments count, and which segments each of them ended. */
async function readPublications({ kv, shard }: RecoverySource): Promise<Map<number, number[]>> {
  const publications = new Map<number, number[]>();
  for await (const { key, value } of listAll(kv, kindRange("k", shard))) {
    publications.set(numbersOf(key).minor, decodePublication(value));
  }
  return publications;
}

async function readLogStarts(
  { kv, shard }: RecoverySource,
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
): Promise<void> {
  for await (const { key, value } of listAll(kv, kindRange("b", shard))) {
    const [topicId, partition] = keyParts(key).slice(2) as [string, number];
    if (removed.has(partitionName({ topicId, partition }))) continue;
    const offset = decodeLogStart(value);
    const index = catalogue.index({ topicId, partition });
    index.logStartOffset = offset;
    // Data in front may be gone altogether: the log goes on where it was cut.
    index.endOffset = Math.max(index.endOffset, offset);
  }
}

/** Reads the chunks of the open segment again, directories only. */
async function replay(
  source: RecoverySource,
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
  tokens: Set<string>,
  firstPage: Promise<KvEntry[]>,
): Promise<void> {
  const range = openRange(source, catalogue);
  const losses = new ReplayLosses();
  for (let page = await firstPage; page.length > 0;) {
    const next = pageOf(source, { start: after(page.at(-1)!.key), end: range.end });
    next.catch(() => {}); // awaited below, unless this page fails first
    for (const { key, value } of page) {
      const { major, minor } = numbersOf(key);
      const ref = chunkRef(major, minor);
      catalogue.openBytes += value.length;
      const partitions = soundPartitions(value);
      if (partitions) replayChunk(catalogue, removed, tokens, partitions, ref, losses);
      else {
        losses.damagedRef = ref;
        losses.commits.add(major);
        source.environment.log.write("error", `${source.name}: a stored chunk is damaged`, {
          sequence: major,
          chunk: minor,
        });
      }
    }
    page = await next;
  }
  await losses.requireKnown(source.kv, source.shard);
}

function replayChunk(
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
  tokens: Set<string>,
  partitions: readonly ChunkPartition[],
  ref: number,
  losses: ReplayLosses,
): void {
  partitions.forEach(({ id, entries }, local) => {
    for (const { staged, sizeBytes } of entries) {
      if (!staged) continue;
      tokens.add(staged.token.toHex());
      catalogue.openBytes += sizeBytes;
    }
    if (removed.size > 0 && removed.has(partitionName(id))) return;
    const index = catalogue.index(id);
    for (const entry of entries) {
      if (entry.partPosition > 0) continue;
      if (entry.baseOffset > index.endOffset) {
        losses.gaps.push({ from: index.endOffset, to: entry.baseOffset - 1, index });
        const lostIn = losses.damagedRef ??
          Math.floor(ref / CHUNKS_PER_COMMIT_MAX + 1) * CHUNKS_PER_COMMIT_MAX - 1;
        index.addLoss(entry.baseOffset, lostIn);
      }
      const part = index.addBatch(entry, ref, local);
      if (entry.producer) part.events.push(entry.producer);
      catalogue.touched.add(index);
      catalogue.openBatches++;
    }
  });
}

/** Deletes staged parts, summaries and details that a dead writer wrote ahead and never published. */
async function removeUnpublished(
  source: RecoverySource,
  { head }: ShardCatalogue,
  tokens: ReadonlySet<string>,
): Promise<void> {
  const { kv, shard } = source;
  const orphans: Uint8Array[] = [];
  const kinds: [ShardKeyKind, number][] = [
    ["s", head.firstSequence],
    ["m", head.segment],
    ["d", head.segment],
  ];
  for (const [kind, first] of kinds) {
    // What a cleaner wrote ahead is left to the next cleaner.
    const range = numberedRange(kind, shard, first, CLEANED_FIRST - 1);
    for await (const { key } of listAll(kv, range, CHUNK_PAGE_ENTRIES)) {
      const token = kind === "s" ? (keyParts(key)[3] as Uint8Array).toHex() : "";
      if (!tokens.has(token)) orphans.push(key);
    }
  }
  for (let at = 0; at < orphans.length; at += DELETES_PER_COMMIT) {
    const deletes = orphans.slice(at, at + DELETES_PER_COMMIT);
    const outcome = await source.chain.commit({ deletes }, encodeOpenSegment(head));
    if (outcome.kind === "refused") throw outcome.error;
  }
}

/** When the open segment was begun, as far as its batches tell. */
function openedAt({ touched }: ShardCatalogue, nowMs: number): number {
  const first = [...touched].map(({ open }) => open?.firstTimestampMs ?? NONE);
  return Math.min(nowMs, ...first.filter((timestampMs) => timestampMs >= 0));
}

/** The chunks of the segment that is being filled. */
function openRange({ shard }: RecoverySource, { head }: ShardCatalogue): KvRange {
  return numberedRange("c", shard, head.firstSequence, CLEANED_FIRST - 1);
}

function pageOf({ kv }: RecoverySource, range: KvRange): Promise<KvEntry[]> {
  return kv.list(range, { limit: Math.min(CHUNK_PAGE_ENTRIES, kv.limits.listEntriesMax) });
}
