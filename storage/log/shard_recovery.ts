/**
 * What a shard does at start, after it took its chain over: reads the summaries of closed segments, replays the open one,
 * and removes what a writer that died had prepared and never published.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import type { CommitChain } from "../chain/commit_chain.ts";
import { key, keyParts } from "../kv/key.ts";
import type { Kv, KvEntry, KvRange } from "../kv/kv.ts";
import { chunkPartitions, directoryIsSound } from "./chunk.ts";
import {
  chunkRef,
  CHUNKS_PER_COMMIT_MAX,
  kindRange,
  numberedRange,
  numbersOf,
  type ShardKeyKind,
} from "./keys.ts";
import { decodeLogStart } from "./log_start.ts";
import { partitionName } from "./partition_index.ts";
import { decodeOpenSegment, encodeOpenSegment, ShardCatalogue } from "./shard_catalogue.ts";
import { decodeSummary } from "./segment_summary.ts";
import { decodeTombstone } from "./tombstone.ts";

/** Entries of a list page: of small values, and of values of up to 64 KiB. */
const PAGE_ENTRIES = 500;
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
  const firstPage = pageOf(source, numberedRange("c", source.shard, catalogue.head.firstSequence));
  firstPage.catch(() => {}); // if something before it fails, that is told
  const removed = await readTombstones(source, catalogue);
  await readSummaries(source, catalogue, removed);
  await readLogStarts(source, catalogue, removed);
  await replay(source, catalogue, removed, tokens, firstPage);
  await removeUnpublished(source, catalogue, tokens);
  return catalogue;
}

async function readTombstones(
  { kv, shard }: RecoverySource,
  catalogue: ShardCatalogue,
): Promise<ReadonlySet<string>> {
  const removed = new Set<string>();
  for await (const { key, value } of entriesOf(kv, kindRange("r", shard))) {
    const tombstone = decodeTombstone(value, numbersOf(key).minor);
    catalogue.tombstones.set(tombstone.number, tombstone);
    for (const id of tombstone.ids) removed.add(partitionName(id));
  }
  return removed;
}

async function readSummaries(
  { kv, shard }: RecoverySource,
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
): Promise<void> {
  const range = {
    start: kindRange("m", shard).start,
    end: key("m", shard, catalogue.head.segment),
  };
  for await (const { value } of entriesOf(kv, range)) {
    const { head, entries } = decodeSummary(value);
    const state = catalogue.segments.get(head.segment) ?? { ...head, liveBytes: 0 };
    catalogue.segments.set(head.segment, state);
    for (const { id, part, epochs } of entries) {
      if (removed.has(partitionName(id))) {
        catalogue.noteDirty(head.segment, partitionName(id));
        continue;
      }
      catalogue.index(id).addClosed(part, epochs);
      state.liveBytes += part.bytes;
    }
  }
}

async function readLogStarts(
  { kv, shard }: RecoverySource,
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
): Promise<void> {
  for await (const { key, value } of entriesOf(kv, kindRange("b", shard))) {
    const [topicId, partition] = keyParts(key).slice(2) as [string, number];
    if (removed.has(partitionName({ topicId, partition }))) continue;
    const { offset, deadBytes } = decodeLogStart(value);
    const index = catalogue.index({ topicId, partition });
    index.logStartOffset = offset;
    index.deadBytes = deadBytes;
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
  const range = numberedRange("c", source.shard, catalogue.head.firstSequence);
  let damagedRef: number | null = null;
  for (let page = await firstPage; page.length > 0;) {
    const next = pageOf(source, { start: after(page.at(-1)!.key), end: range.end });
    next.catch(() => {}); // awaited below, unless this page fails first
    for (const { key, value } of page) {
      const { major, minor } = numbersOf(key);
      const ref = chunkRef(major, minor);
      catalogue.openBytes += value.length;
      if (directoryIsSound(value)) {
        replayChunk(catalogue, removed, tokens, value, ref, damagedRef);
      } else {
        damagedRef = ref;
        source.environment.log.write("error", `${source.name}: a stored chunk is damaged`, {
          sequence: major,
          chunk: minor,
        });
      }
    }
    page = await next;
  }
}

function replayChunk(
  catalogue: ShardCatalogue,
  removed: ReadonlySet<string>,
  tokens: Set<string>,
  chunk: Uint8Array,
  ref: number,
  damagedRef: number | null,
): void {
  chunkPartitions(chunk).forEach(({ id, entries }, local) => {
    for (const { staged, sizeBytes } of entries) {
      if (!staged) continue;
      tokens.add(staged.token.toHex());
      catalogue.openBytes += sizeBytes;
    }
    if (removed.has(partitionName(id))) return;
    const index = catalogue.index(id);
    for (const entry of entries) {
      if (entry.partPosition > 0) continue;
      if (entry.baseOffset > index.endOffset) {
        const lostIn = damagedRef ??
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
    for await (
      const { key } of entriesOf(kv, numberedRange(kind, shard, first), CHUNK_PAGE_ENTRIES)
    ) {
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

function pageOf({ kv }: RecoverySource, range: KvRange): Promise<KvEntry[]> {
  return kv.list(range, { limit: Math.min(CHUNK_PAGE_ENTRIES, kv.limits.listEntriesMax) });
}

/** All entries of a range, page by page. */
export async function* entriesOf(
  kv: Kv,
  range: KvRange,
  pageEntries: number = PAGE_ENTRIES,
): AsyncGenerator<KvEntry> {
  const limit = Math.min(pageEntries, kv.limits.listEntriesMax);
  let { start } = range;
  while (true) {
    const page = await kv.list({ start, end: range.end }, { limit });
    yield* page;
    if (page.length < limit) return;
    start = after(page.at(-1)!.key);
  }
}

/** The first key behind `key`. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
