/**
 * What producers wrote to topics that are cleaned, and what of it a reader must find: pure.
 *
 * Every key belongs to one producer and one partition, so the order of its records is known.
 *
 * @module
 */
import type { Violation } from "../../../testing/mod.ts";

/** A record on its way to a key; what becomes of it is noted here. */
export interface SentKey {
  /** Topic and partition, e.g. `orders-3`. */
  readonly partition: string;
  readonly key: string;
  /** As no other record has. */
  readonly id: string;
  readonly tombstone: boolean;
  /** The how many-th record of its key. */
  readonly index: number;
  readonly sentAtMs: number;
  /** Where it was acknowledged; null = it was not; -1 = it was, and nobody remembers where. */
  offset: number | null;
  /** Its transaction was aborted. */
  aborted: boolean;
}

/** A record that a reader found. */
export interface FoundKey {
  readonly offset: number;
  readonly key: string;
  readonly id: string;
  readonly tombstone: boolean;
}

/** How the log of a partition is cleaned: the least that its topic's settings ever promised. */
export interface CleaningRules {
  readonly compacted: boolean;
  /** null = records never go by age. */
  readonly retentionMs: number | null;
  /** Whether tombstones of their time may have gone. */
  readonly tombstonesGo: boolean;
}

/** All that one reader found in a partition, from its start to its end. */
export interface ReadPartition {
  readonly partition: string;
  /** Where the log began after it was read. */
  readonly start: number;
  /** In the order of reading. */
  readonly found: readonly FoundKey[];
  /** When the reading ended. */
  readonly endedAtMs: number;
}

/** What must be in a partition: taken at a moment, while producers may go on. */
export interface Expectation {
  /** By key: the last record that was acknowledged by then. */
  readonly latest: ReadonlyMap<string, SentKey>;
  /** All that was acknowledged by then. */
  readonly acknowledged: readonly SentKey[];
  /** DeleteRecords had been answered with this start. */
  readonly deletedTo: number;
}

/** Everything that was sent, acknowledged and cut off. */
export class KeyHistory {
  readonly #sent: SentKey[] = [];
  readonly #byId = new Map<string, SentKey>();
  readonly #counts = new Map<string, number>();
  /** By partition: how far DeleteRecords was asked for, and how far it was answered. */
  readonly #asked = new Map<string, number>();
  readonly #deleted = new Map<string, number>();

  constructor(private readonly rulesOf: (partition: string) => CleaningRules) {}

  get acknowledged(): number {
    return this.#sent.filter(({ offset }) => offset !== null).length;
  }

  /** Sends; note in what is returned what becomes of it. */
  send(record: Omit<SentKey, "index" | "offset" | "aborted">): SentKey {
    const name = `${record.partition}/${record.key}`;
    const index = this.#counts.get(name) ?? 0;
    this.#counts.set(name, index + 1);
    const sent: SentKey = { ...record, index, offset: null, aborted: false };
    this.#sent.push(sent);
    this.#byId.set(sent.id, sent);
    return sent;
  }

  /** DeleteRecords is asked for; call what is returned when it is answered. */
  cut(partition: string, offset: number): () => void {
    const raise = (map: Map<string, number>) =>
      map.set(partition, Math.max(offset, map.get(partition) ?? 0));
    raise(this.#asked);
    return () => void raise(this.#deleted);
  }

  /** What a reader that begins now must find in a partition, or something later. */
  expectation(partition: string): Expectation {
    const acknowledged = this.#sent.filter((sent) =>
      sent.partition === partition && sent.offset !== null
    );
    const latest = new Map(acknowledged.map((sent) => [sent.key, sent])); // the last one counts
    for (const sent of acknowledged) {
      if (sent.index > latest.get(sent.key)!.index) latest.set(sent.key, sent);
    }
    return {
      latest,
      acknowledged: acknowledged.map((sent) => ({ ...sent })),
      deletedTo: this.#deleted.get(partition) ?? 0,
    };
  }

  /** Everything that cannot be true of what a reader found. */
  *check(expected: Expectation, read: ReadPartition): Generator<Violation> {
    yield* this.#strangers(read);
    yield* this.#order(read);
    yield* this.#start(expected, read);
    if (this.rulesOf(read.partition).compacted) yield* this.#keys(expected, read);
    else yield* this.#records(expected, read);
  }

  /** Of each key all but the last: when the cleaner has come to an end, there must be none. */
  *leftovers({ partition, found }: ReadPartition): Generator<Violation> {
    const last = new Map(found.map((record) => [record.key, record]));
    for (const record of found.slice(0, -1)) {
      if (last.get(record.key) === record) continue;
      const text = `"${record.id}" of ${record.key} in ${partition}@${record.offset}`;
      yield { kind: "not cleaned", text };
    }
  }

  *#strangers({ partition, found }: ReadPartition): Generator<Violation> {
    const seen = new Map<string, number>();
    for (const { offset, key, id, tombstone } of found) {
      const sent = this.#byId.get(id);
      const place = `${partition}@${offset}`;
      const same = sent?.partition === partition && sent.key === key &&
        sent.tombstone === tombstone;
      if (!same) yield { kind: "invented", text: `"${id}" of ${key} in ${place}` };
      else if (sent.offset !== null && sent.offset >= 0 && sent.offset !== offset) {
        const text = `"${id}" was acknowledged as ${partition}@${sent.offset}, and is in ${place}`;
        yield { kind: "inconsistent offset", text };
      }
      if (sent?.aborted) {
        yield { kind: "aborted read", text: `"${id}" in ${place}: its transaction was aborted` };
      }
      if (seen.has(id)) {
        yield {
          kind: "duplicate",
          text: `"${id}" is in ${partition}@${seen.get(id)} and ${place}`,
        };
      }
      seen.set(id, offset);
    }
  }

  *#order({ partition, found }: ReadPartition): Generator<Violation> {
    const last = new Map<string, number>();
    let lastOffset = -1;
    for (const { offset, key, id } of found) {
      const index = this.#byId.get(id)?.index ?? -1;
      if (index < (last.get(key) ?? -1) || offset <= lastOffset) {
        yield { kind: "reordered", text: `"${id}" of ${key} in ${partition}@${offset}` };
      }
      last.set(key, index);
      lastOffset = offset;
    }
  }

  /** Where the log begins, and who has moved it there. */
  *#start(expected: Expectation, { partition, start, endedAtMs }: ReadPartition) {
    if (start < expected.deletedTo) {
      const text =
        `${partition} begins at ${start}, though it was cut off at ${expected.deletedTo}`;
      yield { kind: "resurrected" as const, text };
    }
    const asked = this.#asked.get(partition) ?? 0;
    const { retentionMs } = this.rulesOf(partition);
    for (const { id, offset, sentAtMs } of expected.acknowledged) {
      if (offset === null || offset < asked || offset >= start) continue;
      if (retentionMs !== null && endedAtMs - sentAtMs > retentionMs) continue;
      const text = `"${id}" in ${partition}@${offset}: the log begins at ${start} too early`;
      yield { kind: "lost" as const, text };
    }
  }

  *#records(expected: Expectation, { partition, start, found }: ReadPartition) {
    const ids = new Set(found.map(({ id }) => id));
    for (const { id, offset } of expected.acknowledged) {
      if (offset === null || offset < start || ids.has(id)) continue;
      yield { kind: "lost" as const, text: `"${id}", acknowledged as ${partition}@${offset}` };
    }
  }

  *#keys(expected: Expectation, { partition, start, found }: ReadPartition): Generator<Violation> {
    const { tombstonesGo } = this.rulesOf(partition);
    const last = new Map(found.map((record) => [record.key, record]));
    for (const [key, latest] of expected.latest) {
      if (latest.offset! < start) continue;
      const record = last.get(key);
      const index = record ? this.#byId.get(record.id)?.index ?? -1 : -1;
      if (index >= latest.index) continue;
      const claim = `"${latest.id}" of ${key}, acknowledged as ${partition}@${latest.offset}`;
      if (record) yield { kind: "resurrected", text: `${claim}: "${record.id}" is read instead` };
      // A later tombstone that was never acknowledged may have come and gone with it.
      else if (!tombstonesGo || !this.#mayBeGone(latest)) yield { kind: "lost", text: claim };
    }
  }

  #mayBeGone({ partition, key, index }: SentKey): boolean {
    return this.#sent.some((sent) =>
      sent.tombstone && !sent.aborted && sent.partition === partition && sent.key === key &&
      sent.index >= index
    );
  }
}
