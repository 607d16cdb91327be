/** Every key of a log must be reachable from a HEAD: what is not is an orphan. */
import { decodeHead } from "../../../storage/chain/head.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import type { Kv, KvEntry } from "../../../storage/kv/kv.ts";
import type { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { chunkPartitions } from "../../../storage/log/chunk.ts";
import { CLEANED_FIRST } from "../../../storage/log/keys.ts";
import { decodePublication } from "../../../storage/log/publication.ts";
import { decodeOpenSegment } from "../../../storage/log/shard_catalogue.ts";
import { decodeSummary } from "../../../storage/log/segment_summary.ts";
import { entriesOf } from "../../../storage/log/shard_recovery.ts";

const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };

/** Descriptions of the keys that nothing leads to. Opens the folder, so ends whoever has it open. */
export async function orphansOf(disk: MemoryDisk, files: number): Promise<string[]> {
  const folder = disk.openFolder();
  const orphans: string[] = [];
  for (let file = 0; file < files; file++) {
    const kv = await folder.open(`log-${file}`);
    orphans.push(...await orphansIn(kv));
  }
  return orphans;
}

async function orphansIn(kv: Kv): Promise<string[]> {
  const entries: KvEntry[] = [];
  for await (const entry of entriesOf(kv, ALL)) entries.push(entry);
  const byShard = Map.groupBy(
    entries.filter(({ key }) => keyParts(key)[0] !== "format"),
    ({ key }) => keyParts(key)[1] as number,
  );
  return [...byShard].flatMap(([shard, its]) => orphansOfShard(shard, its));
}

function orphansOfShard(shard: number, entries: readonly KvEntry[]): string[] {
  const kind = (entry: KvEntry) => keyParts(entry.key)[0];
  const head = entries.find((entry) => kind(entry) === "head")!;
  const open = decodeOpenSegment(decodeHead(head.value).state);
  const publications = new Map(
    entries.filter((entry) => kind(entry) === "k").map(({ key, value }) => [
      keyParts(key)[2] as number,
      decodePublication(value),
    ]),
  );
  const replaced = new Set([...publications.values()].flat());
  const counts = (segment: number) =>
    !replaced.has(segment) &&
    (segment < CLEANED_FIRST ? segment < open.segment : publications.has(segment));
  const summaries = entries.filter((entry) => kind(entry) === "m").map(({ value }) =>
    decodeSummary(value).head
  ).filter(({ segment }) => counts(segment));
  const tokens = new Set(
    entries.filter((entry) => kind(entry) === "c").flatMap(({ value }) =>
      chunkPartitions(value).flatMap(({ entries }) =>
        entries.flatMap(({ staged }) => staged ? [staged.token.toHex()] : [])
      )
    ),
  );
  const isReachable = (entry: KvEntry): boolean => {
    const [what, , major, token] = keyParts(entry.key);
    const number = major as number;
    switch (what) {
      case "c":
        return number >= open.firstSequence && number < CLEANED_FIRST ||
          summaries.some((each) => each.firstSequence <= number && number <= each.lastSequence);
      case "s":
        return tokens.has((token as Uint8Array).toHex());
      case "m":
        return counts(number);
      case "d":
      case "k":
        return summaries.some(({ segment }) => segment === number);
      default:
        return true;
    }
  };
  return entries.filter((entry) => !isReachable(entry)).map((entry) =>
    `shard ${shard}: ${
      keyParts(entry.key).map((part) => part instanceof Uint8Array ? part.toHex() : part).join(" ")
    }`
  );
}
