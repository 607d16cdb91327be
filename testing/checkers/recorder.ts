import { type Attempt, checkAttempts } from "./attempt_checker.ts";
import { checkLog, type LogHistory, type SeenRecord, type SentRecord } from "./log_checker.ts";
import type { Violation } from "./violation.ts";

/** A record on its way: tell what became of it. */
export interface Sending {
  /** It was acknowledged, with this offset; -1 when the broker does not remember it. */
  acknowledged(offset: number | bigint): void;
  /** The broker answered an error: it says that the record is not stored. */
  refused(error: string): void;
  /** The client gave up: nobody knows whether the record is stored. */
  gaveUp(): void;
}

/** Who sends. */
export interface SenderFacts {
  /** One instance of a producer. */
  readonly producer: string;
  /** Whether the record must be stored once and in order. Default true. */
  readonly idempotent?: boolean;
  /** Whether it belongs to a transaction that is aborted. Default false. */
  readonly aborted?: boolean;
  /** Whether the client may try again by itself, so that an error says little of the first attempt. Default true. */
  readonly retries?: boolean;
}

/** A record, as a producer sends it. Its value is one that no other record has. */
export interface RecordFacts {
  /** E.g. `orders`. */
  readonly topic: string;
  /** From 0. */
  readonly partition: number;
  /** As no other record has. */
  readonly value: string;
}

/** A record, as a consumer sees it. */
export interface SeenFacts extends RecordFacts {
  /** Where it was. */
  readonly offset: number | bigint;
}

/**
 * Writes down what clients do and are told, and checks it in the end. For any client, in real or virtual time.
 *
 * ```ts
 * const recorder = new Recorder(() => performance.now());
 * const record = { topic: "orders", partition: 0, value: crypto.randomUUID() };
 * const sending = recorder.sends({ producer: "p1" }, record);
 * const [{ baseOffset }] = await kafkajs.send({ topic: "orders", messages: [record] });
 * sending.acknowledged(Number(baseOffset));
 * // … consumers: recorder.saw("c1", { topic, partition, offset, value });
 * // … in the end, reading everything from the start: recorder.stored({ topic, partition, offset, value });
 * assertEquals(recorder.check(), []);
 * ```
 */
export class Recorder {
  readonly #sent: SentRecord[] = [];
  readonly #attempts: Attempt[] = [];
  readonly #seen: SeenRecord[] = [];
  readonly #log: SeenRecord[] = [];
  readonly #crashesAtMs: number[] = [];

  /** An empty one; the clock must never go back. */
  constructor(private readonly nowMs: () => number) {}

  /** A producer sends a record: to be called in the order of sending. */
  sends(
    { producer, idempotent = true, aborted = false, retries = true }: SenderFacts,
    { topic, partition: number, value }: RecordFacts,
  ): Sending {
    const partition = `${topic}-${number}`;
    const record = { producer, partition, value, idempotent, aborted };
    const index = this.#sent.push({ ...record, offset: null }) - 1;
    const sentAtMs = this.nowMs();
    return {
      acknowledged: (offset) => {
        if (offset >= 0) this.#sent[index] = { ...record, offset: Number(offset) };
      },
      refused: (error) => {
        if (retries) return;
        this.#attempts.push({ producer, value, sentAtMs, answeredAtMs: this.nowMs(), error });
      },
      gaveUp: () => {},
    };
  }

  /** A consumer saw a record: to be called in the order of seeing. */
  saw(consumer: string, record: SeenFacts): void {
    this.#seen.push(seenRecord(consumer, record));
  }

  /** A record is in the log in the end, read by somebody who read everything after all had come to rest. */
  stored(record: SeenFacts): void {
    this.#log.push(seenRecord("the end", record));
  }

  /** A broker crashes, is paused or is taken over now. */
  crashed(): void {
    this.#crashesAtMs.push(this.nowMs());
  }

  /** What was sent so far. */
  get sent(): readonly SentRecord[] {
    return this.#sent;
  }

  /** What was seen so far. */
  get seen(): readonly SeenRecord[] {
    return this.#seen;
  }

  /** What is in the log in the end. */
  get log(): readonly SeenRecord[] {
    return this.#log;
  }

  /** Everything that cannot be true. */
  check(options: Pick<LogHistory, "readFrom" | "gapsAllowed"> = {}): Violation[] {
    const log = this.#log;
    return [
      ...checkLog({ sent: this.#sent, seen: this.#seen, log, ...options }),
      ...checkAttempts({ attempts: this.#attempts, log, crashesAtMs: this.#crashesAtMs }),
    ];
  }
}

function seenRecord(
  consumer: string,
  { topic, partition, offset, value }: SeenFacts,
): SeenRecord {
  return { consumer, partition: `${topic}-${partition}`, offset: Number(offset), value };
}
