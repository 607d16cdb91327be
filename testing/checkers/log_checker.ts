/**
 * Whether what producers were told and what consumers saw can be true of Kafka's logs: pure, and for any client.
 *
 * Every record must carry a value of its own, so that it can be told from all others.
 *
 * @module
 */
import type { Violation } from "./violation.ts";

/** A record that a producer sent, in the order of sending. */
export interface SentRecord {
  /** Who sent it: one instance of a producer. */
  readonly producer: string;
  /** Topic and partition, e.g. `orders-3`. */
  readonly partition: string;
  /** Its value, as no other record has. */
  readonly value: string;
  /** The offset it was acknowledged with; null when the producer was told an error, or nothing. */
  readonly offset: number | null;
  /** Whether its producer is idempotent, so that it must be stored once and in order. Default true. */
  readonly idempotent?: boolean;
  /** Whether it belongs to a transaction that was aborted. Default false. */
  readonly aborted?: boolean;
}

/** A record that a consumer saw, in the order of seeing. */
export interface SeenRecord {
  /** Who saw it: one consumer, from one seek (or assignment) to the next. After it, give it another name. */
  readonly consumer: string;
  /** Topic and partition, e.g. `orders-3`. */
  readonly partition: string;
  /** Where it was. */
  readonly offset: number;
  /** Its value, as no other record has. */
  readonly value: string;
}

/** All that is known of a run. */
export interface LogHistory {
  /** By all producers; each one's in the order of sending. */
  readonly sent: readonly SentRecord[];
  /** By all consumers; each one's in the order of seeing. */
  readonly seen: readonly SeenRecord[];
  /** The whole log of every partition in the end, read after everything has come to rest. */
  readonly log: readonly SeenRecord[];
  /** Where consumers begin: at the start of each partition (the default), or anywhere. */
  readonly readFrom?: "start" | "anywhere";
  /** Whether offsets may have no record: of compacted topics, and where there are transactions. Default false. */
  readonly gapsAllowed?: boolean;
  /** Whether consumers are to have seen all that is in the log. Default true. */
  readonly polls?: boolean;
}

/**
 * Everything about a history that cannot be true: lost, duplicate, reordered, inconsistent offset, invented, gap, aborted
 * read, poll skip, non-monotonic poll.
 */
export function checkLog(history: LogHistory): Violation[] {
  const log = indexed(history.log);
  return [
    ...lostAndInconsistent(history, log),
    ...inventedAndDuplicate(history),
    ...reordered(history, log),
    ...gaps(history, log),
    ...abortedReads(history),
    ...(history.polls === false ? [] : pollsOver(history, log)),
  ];
}

/** The log of one partition. */
interface PartitionRecords {
  /** In the order of offsets. */
  readonly records: readonly SeenRecord[];
  /** Of two with the same offset the last one that was read. */
  readonly valueAt: ReadonlyMap<number, string>;
}

/** By partition. */
type IndexedLog = ReadonlyMap<string, PartitionRecords>;

function indexed(log: readonly SeenRecord[]): IndexedLog {
  const partitions = new Map<string, PartitionRecords>();
  for (const [partition, records] of Map.groupBy(log, ({ partition }) => partition)) {
    partitions.set(partition, {
      records: records.toSorted((left, right) => left.offset - right.offset),
      valueAt: new Map(records.map(({ offset, value }) => [offset, value])),
    });
  }
  return partitions;
}

type Located = Pick<SeenRecord, "partition" | "offset">;

const placeOf = ({ partition, offset }: Located) => `${partition}@${offset}`;

function* lostAndInconsistent({ sent, seen }: LogHistory, log: IndexedLog): Generator<Violation> {
  for (const { producer, partition, value, offset, aborted } of sent) {
    if (offset === null || aborted) continue;
    const found = log.get(partition)?.valueAt.get(offset);
    if (found === value) continue;
    const claim = `"${value}" of ${producer} was acknowledged as ${partition}@${offset}`;
    if (found === undefined) yield { kind: "lost", text: `${claim}, where nothing is` };
    else yield { kind: "inconsistent offset", text: `${claim}, where "${found}" is` };
  }
  for (const record of seen) {
    const found = log.get(record.partition)?.valueAt.get(record.offset);
    if (found === record.value) continue;
    const claim = `${record.consumer} saw "${record.value}" as ${placeOf(record)}`;
    yield found === undefined
      ? { kind: "lost", text: `${claim}, where nothing is` }
      : { kind: "inconsistent offset", text: `${claim}, where "${found}" is` };
  }
}

function* inventedAndDuplicate({ sent, log }: LogHistory): Generator<Violation> {
  const bySent = new Map(sent.map((record) => [record.value, record]));
  const byValue = new Map<string, SeenRecord>();
  for (const record of log) {
    const { value } = record;
    const origin = bySent.get(value);
    if (origin?.partition !== record.partition) {
      yield { kind: "invented", text: `"${value}" in ${placeOf(record)} was never sent there` };
    }
    const first = byValue.get(value);
    if (first !== undefined && origin?.idempotent !== false) {
      const text = `"${value}" is in ${placeOf(first)} and in ${placeOf(record)}`;
      yield { kind: "duplicate", text };
    }
    byValue.set(value, record);
  }
}

function* reordered({ sent }: LogHistory, log: IndexedLog): Generator<Violation> {
  const order = new Map(
    sent.filter(({ idempotent }) => idempotent !== false)
      .map(({ value, producer }, index) => [value, { producer, index }]),
  );
  for (const [partition, { records }] of log) {
    const last = new Map<string, { index: number; value: string }>();
    for (const { value } of records) {
      const own = order.get(value);
      if (!own) continue;
      const before = last.get(own.producer);
      if (before && before.index > own.index) {
        yield {
          kind: "reordered",
          text:
            `"${value}" stands behind "${before.value}" in ${partition}, and was sent before it`,
        };
      }
      last.set(own.producer, { index: own.index, value });
    }
  }
}

function* gaps({ gapsAllowed = false }: LogHistory, log: IndexedLog): Generator<Violation> {
  for (const [partition, { records }] of log) {
    let expected = 0;
    for (const { offset } of records) {
      if (offset > expected && !gapsAllowed) {
        yield { kind: "gap", text: `${partition} has nothing from ${expected} to ${offset - 1}` };
      } else if (offset < expected) {
        yield { kind: "inconsistent offset", text: `${partition}@${offset} is there twice` };
      }
      expected = offset + 1;
    }
  }
}

function* abortedReads({ sent, seen }: LogHistory): Generator<Violation> {
  const aborted = new Set(sent.flatMap(({ value, aborted }) => aborted ? [value] : []));
  for (const { consumer, value, ...place } of seen) {
    if (aborted.has(value)) {
      const text = `${consumer} saw "${value}" as ${placeOf(place)}: it was aborted`;
      yield { kind: "aborted read", text };
    }
  }
}

/** What consumers left out, or saw again. */
export function checkPolls(
  { seen, log, readFrom }: Pick<LogHistory, "seen" | "log" | "readFrom">,
): Iterable<Violation> {
  return pollsOver({ seen, readFrom }, indexed(log));
}

function* pollsOver(
  { seen, readFrom = "start" }: Pick<LogHistory, "seen" | "readFrom">,
  log: IndexedLog,
): Generator<Violation> {
  const nextOf = new Map<string, Map<string, number>>();
  for (const { consumer, partition, offset } of seen) {
    let next = nextOf.get(consumer);
    if (!next) nextOf.set(consumer, next = new Map());
    const expected = next.get(partition) ?? (readFrom === "start" ? 0 : offset);
    if (offset < expected) {
      const text = `${consumer} saw ${partition}@${offset} after @${expected - 1}`;
      yield { kind: "non-monotonic poll", text };
    } else if (offset > expected) {
      const skipped = log.get(partition)?.records
        .find((record) => record.offset >= expected && record.offset < offset);
      if (skipped) {
        const text = `${consumer} saw ${partition}@${offset}, not "${skipped.value}" before it`;
        yield { kind: "poll skip", text };
      }
    }
    next.set(partition, offset + 1);
  }
}
