/**
 * Looks at every value of a data folder, and changes nothing.
 *
 * @module
 */
import { keyParts } from "../../kv/key.ts";
import type { Kv, KvEntry } from "../../kv/kv.ts";
import { decodeTopic } from "../../metadata/values.ts";
import { headKey } from "../keys.ts";
import { listAll } from "../../kv/list_all.ts";
import { judgeShard } from "./judge_shard.ts";
import { keyName } from "./key_name.ts";
import { missingFiles } from "./missing_files.ts";
import type { CheckReport, DamagedValue } from "./report.ts";
import { ShardFacts } from "./shard_facts.ts";
import { isSoundValue } from "./sound_value.ts";

const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };
/** Chunks are large: a page of them is 4 MiB. */
const PAGE_ENTRIES = 64;
const SHARD_KINDS: ReadonlySet<string> = new Set(["c", "s", "m", "d", "b", "r", "k"]);

const META_KINDS: ReadonlySet<string> = new Set([
  "format",
  "head",
  "cluster",
  "topic",
  "deleted",
  "broker",
]);

/** What is to be looked at: the stores of a folder, by name (`meta`, `log-0`, …). */
export type CheckedStores = ReadonlyMap<string, Kv>;

/** What was found, and what a repair goes by. */
export interface CheckResult {
  readonly report: CheckReport;
  readonly shards: readonly ShardFacts[];
}

/** Checks every value of the stores by itself, and all of a shard against each other. */
export async function checkStores(stores: CheckedStores): Promise<CheckResult> {
  const totals = { values: 0, bytes: 0 };
  const damage: DamagedValue[] = [];
  const topics = new Map<string, string>();
  const shards: ShardFacts[] = [];
  for (const [store, kv] of stores) {
    const facts = new Map<number, ShardFacts>();
    for await (const entry of listAll(kv, ALL, PAGE_ENTRIES)) {
      totals.values++;
      totals.bytes += entry.key.length + entry.value.length;
      const [kind, second] = partsOf(entry);
      if (SHARD_KINDS.has(kind) || kind === "head" && second !== undefined) {
        const its = facts.get(second as number) ?? await newFacts(store, kv, second as number);
        facts.set(second as number, its);
        if (kind !== "head") its.take(entry);
        continue;
      }
      const what = wrongIn(kind, entry, topics);
      if (what !== null) damage.push({ store, key: entry.key, name: keyName(entry.key), what });
    }
    shards.push(...facts.values());
  }
  damage.push(...await missingFiles(stores, topics.size));
  for (const its of shards) its.end();
  const judged = shards.map(judgeShard);
  const report = {
    ...totals,
    damage: [...damage, ...judged.flatMap(({ damage }) => damage)],
    partitions: judged.flatMap(({ partitions }) => partitions).map((partition) => ({
      ...partition,
      topic: topics.get(partition.topicId) ?? null,
    })),
    orphans: judged.flatMap(({ orphans }) => orphans),
  };
  return { report, shards };
}

function partsOf({ key }: KvEntry): [kind: string, second: unknown] {
  try {
    const [kind, second] = keyParts(key);
    return [String(kind), second];
  } catch {
    return ["", undefined];
  }
}

async function newFacts(store: string, kv: Kv, shard: number): Promise<ShardFacts> {
  const facts = new ShardFacts(store, shard);
  const key = headKey(shard);
  facts.takeHead((await kv.get([key]))[0], key);
  return facts;
}

/** What is wrong with a value that belongs to no shard; null when nothing is. Names of topics are noted. */
function wrongIn(
  kind: string,
  { key, value }: KvEntry,
  topics: Map<string, string>,
): string | null {
  const isSound = META_KINDS.has(kind) ? isSoundValue(key) : null;
  if (!isSound) return "Nobody knows what this is";
  if (!isSound(value)) return `The entry "${kind}" is damaged, or of another version`;
  if (kind === "topic") topics.set(String(keyParts(key)[1]), decodeTopic("", value).name);
  return null;
}
