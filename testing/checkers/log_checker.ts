/**
 * Whether what producers were told and what consumers saw can be true of Kafka's logs: pure, and for any client.
 *
 * Every record must carry a value of its own, so that it can be told from all others.
 *
 * @module
 */

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
}

/** A record that a consumer saw, in the order of seeing. */
export interface SeenRecord {
  /** Who saw it. */
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
}

/** What cannot be true. */
export interface Violation {
  /** What is wrong. */
  readonly kind:
    /** Acknowledged, and not in the log in the end. */
    | "lost"
    /** Twice in the log, of an idempotent producer. */
    | "duplicate"
    /** Of one producer, in another order than sent. */
    | "reordered"
    /** One offset, two values: in an acknowledgement, in what was seen, or in the log. */
    | "inconsistent offset"
    /** In the log or seen, and never sent there. */
    | "invented"
    /** An offset without a record, between others. */
    | "gap"
    /** A consumer that reads on saw an offset again, or left one out. */
    | "skipped";
  /** Which records it is about. */
  readonly text: string;
}

/** Everything about a history that cannot be true of idempotent producers and of consumers that read from the start. */
export function checkLog(history: LogHistory): Violation[] {
  return [
    ...lostAndInconsistent(history),
    ...inventedAndDuplicate(history),
    ...reordered(history),
    ...gaps(history),
    ...skipped(history),
  ];
}

type Located = Pick<SeenRecord, "partition" | "offset">;

const placeOf = ({ partition, offset }: Located) => `${partition}@${offset}`;

function* lostAndInconsistent({ sent, seen, log }: LogHistory): Generator<Violation> {
  const stored = new Map(log.map((record) => [placeOf(record), record.value]));
  for (const { producer, partition, value, offset } of sent) {
    if (offset === null) continue;
    const found = stored.get(placeOf({ partition, offset }));
    const claim = `"${value}" of ${producer} was acknowledged as ${partition}@${offset}`;
    if (found === undefined) yield { kind: "lost", text: `${claim}, where nothing is` };
    else if (found !== value) {
      yield { kind: "inconsistent offset", text: `${claim}, where "${found}" is` };
    }
  }
  for (const record of seen) {
    const found = stored.get(placeOf(record));
    if (found === record.value) continue;
    const claim = `${record.consumer} saw "${record.value}" as ${placeOf(record)}`;
    yield found === undefined
      ? { kind: "lost", text: `${claim}, where nothing is` }
      : { kind: "inconsistent offset", text: `${claim}, where "${found}" is` };
  }
}

function* inventedAndDuplicate({ sent, log }: LogHistory): Generator<Violation> {
  const sentTo = new Map(sent.map(({ value, partition }) => [value, partition]));
  const placeOfValue = new Map<string, string>();
  for (const record of log) {
    const place = placeOf(record);
    if (sentTo.get(record.value) !== record.partition) {
      yield { kind: "invented", text: `"${record.value}" in ${place} was never sent there` };
    }
    const first = placeOfValue.get(record.value);
    if (first !== undefined) {
      yield { kind: "duplicate", text: `"${record.value}" is in ${first} and in ${place}` };
    }
    placeOfValue.set(record.value, place);
  }
}

function* reordered({ sent, log }: LogHistory): Generator<Violation> {
  const order = new Map(sent.map(({ value, producer }, index) => [value, { producer, index }]));
  const last = new Map<string, { index: number; value: string }>();
  for (const { partition, value } of inOrder(log)) {
    const own = order.get(value);
    if (!own) continue;
    const lane = `${own.producer}>${partition}`;
    const before = last.get(lane);
    if (before && before.index > own.index) {
      yield {
        kind: "reordered",
        text: `"${value}" stands behind "${before.value}" in ${partition}, and was sent before it`,
      };
    }
    last.set(lane, { index: own.index, value });
  }
}

function* gaps({ log }: LogHistory): Generator<Violation> {
  const next = new Map<string, number>();
  for (const { partition, offset } of inOrder(log)) {
    const expected = next.get(partition) ?? 0;
    if (offset > expected) {
      yield { kind: "gap", text: `${partition} has nothing from ${expected} to ${offset - 1}` };
    } else if (offset < expected) {
      yield { kind: "inconsistent offset", text: `${partition}@${offset} is there twice` };
    }
    next.set(partition, offset + 1);
  }
}

function* skipped({ seen }: LogHistory): Generator<Violation> {
  const next = new Map<string, number>();
  for (const { consumer, partition, offset } of seen) {
    const lane = `${consumer}<${partition}`;
    const expected = next.get(lane) ?? 0;
    if (offset !== expected) {
      yield { kind: "skipped", text: `${consumer} saw ${partition}@${offset}, not @${expected}` };
    }
    next.set(lane, offset + 1);
  }
}

function inOrder(log: readonly SeenRecord[]): SeenRecord[] {
  return [...log].sort((left, right) => left.offset - right.offset);
}
