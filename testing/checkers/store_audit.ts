/**
 * Whether a store at rest holds exactly what its HEADs lead to: nothing that is left over, and nothing missing.
 *
 * At rest means: everything that wrote has stopped, and the last broker that started has come to an end with what it does
 * at start. What a broker that died had staged is left over until then, and is no fault.
 *
 * @module
 */
import { decodeHead, type Head } from "../../storage/chain/head.ts";
import { type KeyPart, keyParts } from "../../storage/kv/key.ts";
import type { Kv, KvEntry } from "../../storage/kv/kv.ts";
import { listAll } from "../../storage/kv/list_all.ts";
import { type ChunkPartition, chunkPartitions, directoryIsSound } from "../../storage/log/chunk.ts";
import { CLEANED_FIRST, type ShardKeyKind } from "../../storage/log/keys.ts";
import type { PartitionId } from "../../storage/log/partition_log.ts";
import { decodePublication } from "../../storage/log/publication.ts";
import { decodeSummary, type SegmentHead } from "../../storage/log/segment_summary.ts";
import { decodeOpenSegment } from "../../storage/log/shard_catalogue.ts";
import { decodeTombstone } from "../../storage/log/tombstone.ts";
import { decodeDeletedTopic, decodeTopic } from "../../storage/metadata/values.ts";
import type { Violation } from "./violation.ts";

/** The stores of a data folder. */
export interface AuditedStores {
  /** The metadata; without it nobody knows which topics there are, and that is not looked at. */
  readonly meta?: Kv;
  /** The files of the log. */
  readonly logs: readonly Kv[];
}

/** An entry and the parts of its key. */
interface AuditedEntry extends KvEntry {
  readonly parts: readonly KeyPart[];
}

/** Which partitions there are, or were until a moment ago. */
type Known = (id: PartitionId) => boolean;

const SHARD_KINDS: ReadonlySet<string> = new Set<ShardKeyKind>(["c", "s", "m", "d", "b", "r", "k"]);
const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };

/** Every key that no HEAD leads to, and everything that a HEAD leads to and that is not there. */
export async function auditStores({ meta, logs }: AuditedStores): Promise<Violation[]> {
  const violations: Violation[] = [];
  let known: Known = () => true;
  if (meta) {
    const entries = await allOf(meta);
    const own = entries.filter((entry) => !isOfShard(entry));
    violations.push(...auditMetadata(own));
    known = partitionsIn(own);
    // Internal topics live there, too, in a shard of their own.
    violations.push(...auditShards("metadata", entries.filter(isOfShard), known));
  }
  for (const [file, kv] of logs.entries()) {
    const entries = (await allOf(kv)).filter((entry) => kindOf(entry) !== "format");
    violations.push(...auditShards(`log ${file}`, entries, known));
  }
  return violations;
}

function auditShards(store: string, entries: readonly AuditedEntry[], known: Known): Violation[] {
  const byShard = Map.groupBy(entries, ({ parts }) => Number(parts[1]));
  return [...byShard].flatMap(([shard, its]) => [
    ...new ShardAudit(`${store}, shard ${shard}`, its, known).violations(),
  ]);
}

/** Whether an entry of the metadata's store belongs to a shard of the log. */
function isOfShard({ parts: [kind, shard] }: AuditedEntry): boolean {
  return SHARD_KINDS.has(String(kind)) || kind === "head" && shard !== undefined;
}

function* auditMetadata(entries: readonly AuditedEntry[]): Generator<Violation> {
  const kinds = new Set(entries.map(kindOf));
  if (entries.length > 0 && !kinds.has("head")) {
    yield { kind: "damage", text: "metadata: there is no HEAD" };
  }
  const ids = Map.groupBy(
    entries.filter((entry) => ["topic", "deleted"].includes(kindOf(entry))),
    ({ parts }) => String(parts[1]),
  );
  for (const entry of entries) {
    if (["head", "cluster", "topic", "deleted", "broker"].includes(kindOf(entry))) continue;
    yield { kind: "orphan", text: `metadata: ${nameOf(entry)}` };
  }
  for (const [id, its] of ids) {
    if (its.length > 1) yield { kind: "damage", text: `metadata: topic ${id} is, and is deleted` };
  }
}

function partitionsIn(metadata: readonly AuditedEntry[]): Known {
  const counts = new Map<string, number>();
  for (const entry of metadata) {
    const id = String(entry.parts[1]);
    const kind = kindOf(entry);
    if (kind === "topic") counts.set(id, decodeTopic(id, entry.value).partitionCount);
    if (kind === "deleted") counts.set(id, decodeDeletedTopic(id, entry.value).partitionCount);
  }
  return ({ topicId, partition }) => partition < (counts.get(topicId) ?? 0);
}

/** One shard: its HEAD, and what that leads to. */
class ShardAudit {
  readonly #head: Head | null;
  /** Commits of the segment that is being filled begin here. */
  readonly #openFrom: number;
  readonly #openSegment: number;
  readonly #segments: readonly SegmentHead[];
  readonly #chunks: readonly (readonly ChunkPartition[])[];
  readonly #openChunks: readonly (readonly ChunkPartition[])[];
  readonly #buried: ReadonlySet<string>;

  constructor(
    private readonly name: string,
    private readonly entries: readonly AuditedEntry[],
    private readonly known: Known,
  ) {
    const head = entries.find((entry) => kindOf(entry) === "head");
    this.#head = head ? decodeHead(head.value) : null;
    const open = this.#head && decodeOpenSegment(this.#head.state);
    this.#openFrom = open?.firstSequence ?? 0;
    this.#openSegment = open?.segment ?? 0;
    // The cleaner's segments count when a note of their own says so; then those that they replace do not.
    const published = new Map(
      this.#of("k").map(({ parts, value }) => [Number(parts[2]), decodePublication(value)]),
    );
    const replaced = new Set([...published.values()].flat());
    this.#segments = this.#of("m").map(({ value }) => decodeSummary(value).head)
      .filter(({ segment }) =>
        !replaced.has(segment) &&
        (segment < CLEANED_FIRST ? segment < this.#openSegment : published.has(segment))
      );
    const chunks = this.#of("c").filter((entry) => this.#isReachable(entry)).map((entry) => ({
      sequence: Number(entry.parts[2]),
      partitions: directoryIsSound(entry.value) ? chunkPartitions(entry.value) : [],
    }));
    this.#chunks = chunks.map(({ partitions }) => partitions);
    this.#openChunks = chunks.filter(({ sequence }) => this.#isOpen(sequence))
      .map(({ partitions }) => partitions);
    this.#buried = new Set(
      this.#of("r").flatMap(({ parts, value }) =>
        decodeTombstone(value, Number(parts[2])).ids.map(partitionName)
      ),
    );
  }

  *violations(): Generator<Violation> {
    if (!this.#head) return yield this.#say("damage", "there is no HEAD");
    for (const entry of this.entries) {
      if (!this.#isReachable(entry)) yield this.#say("orphan", nameOf(entry));
    }
    yield* this.#damagedChunks();
    yield* this.#missingParts();
    yield* this.#unknownPartitions();
  }

  #isReachable(entry: AuditedEntry): boolean {
    const [kind, , third, token] = entry.parts;
    const number = Number(third);
    const isOfSegment = (sequence: number) =>
      this.#segments.some((each) =>
        each.firstSequence <= sequence && sequence <= each.lastSequence
      );
    switch (kind) {
      case "head":
      case "b":
      case "r":
        return true;
      case "c":
        return this.#isOpen(number) || isOfSegment(number);
      case "s":
        return this.#stagedParts().has((token as Uint8Array).toHex());
      case "m":
      case "d":
      case "k":
        return this.#segments.some(({ segment }) => segment === number);
      default:
        return false;
    }
  }

  #isOpen(sequence: number): boolean {
    return this.#openFrom <= sequence && sequence <= (this.#head?.sequence ?? -1);
  }

  *#damagedChunks(): Generator<Violation> {
    for (const entry of this.#of("c")) {
      if (!directoryIsSound(entry.value)) yield this.#say("damage", nameOf(entry));
    }
  }

  /** Batches too large for a commit, of which not all parts are there. */
  *#missingParts(): Generator<Violation> {
    const found = new Map<string, number>();
    for (const { parts } of this.#of("s")) {
      const token = (parts[3] as Uint8Array).toHex();
      found.set(token, (found.get(token) ?? 0) + 1);
    }
    for (const [token, parts] of this.#stagedParts()) {
      const count = found.get(token) ?? 0;
      if (count !== parts) {
        yield this.#say("damage", `${count} of ${parts} parts of batch ${token} are there`);
      }
    }
  }

  /**
   * Partitions of no topic, deleted or not, that have no tombstone. In a closed segment the summary says who is there: the
   * chunks may have more, until so little of the segment lives that it is written anew.
   */
  *#unknownPartitions(): Generator<Violation> {
    const stored = new Map<string, PartitionId>();
    const note = (id: PartitionId) => stored.set(partitionName(id), id);
    for (const { value } of this.#of("m")) {
      decodeSummary(value).entries.forEach(({ id }) => note(id));
    }
    for (const partitions of this.#openChunks) partitions.forEach(({ id }) => note(id));
    for (const { parts } of this.#of("b")) {
      const [, , topicId, partition] = parts;
      note({ topicId: String(topicId), partition: Number(partition) });
    }
    for (const [name, id] of stored) {
      if (!this.known(id) && !this.#buried.has(name)) {
        yield this.#say("orphan", `records of ${name}, which is no partition of any topic`);
      }
    }
  }

  /** How many parts each batch has that is staged and published, by its token. */
  #stagedParts(): Map<string, number> {
    return this.#parts ??= new Map(
      this.#chunks.flatMap((partitions) => partitions.flatMap(({ entries }) => entries))
        .flatMap(({ staged }) =>
          staged ? [[staged.token.toHex(), staged.checksums.length] as const] : []
        ),
    );
  }
  #parts: Map<string, number> | null = null;

  #of(kind: string): AuditedEntry[] {
    return this.entries.filter((entry) => kindOf(entry) === kind);
  }

  #say(kind: "orphan" | "damage", what: string): Violation {
    return { kind, text: `${this.name}: ${what}` };
  }
}

async function allOf(kv: Kv): Promise<AuditedEntry[]> {
  return await Array.fromAsync(listAll(kv, ALL), (entry) => {
    return { ...entry, parts: keyParts(entry.key) };
  });
}

function kindOf({ parts }: AuditedEntry): string {
  return String(parts[0]);
}

function partitionName({ topicId, partition }: PartitionId): string {
  return `${topicId}-${partition}`;
}

function nameOf({ parts }: AuditedEntry): string {
  return parts.map((part) => part instanceof Uint8Array ? part.toHex() : part).join(" ");
}
