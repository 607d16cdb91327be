/**
 * The log of a coordinator's decisions: one partition of an internal topic.
 *
 * A coordinator decides, applies what it decided at once, and answers when it is durable. `replay` is the only code that
 * changes its state, live and on load, so that the state after a restart is that before it. While one append is under
 * way, further decisions gather and share the next one. (Kafka: `CoordinatorRuntime`.)
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { type Batch, batchesIn } from "../../protocol/records/batches.ts";
import type { LogSink } from "../../environment/environment.ts";
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  isControl,
} from "../../protocol/records/batch_header.ts";
import { buildBatch, recordBytesMax, type RecordDraft } from "../../protocol/records/builder.ts";
import type { RecordReader } from "../../protocol/records/record_reader.ts";
import { type LogRecord, recordReader, recordsIn } from "../../protocol/records/records.ts";
import type { ActorRef, Self } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";

/** A decision as it is written: key and value of a record in a compacted topic; a null value takes the key back. */
export interface Decision {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** The one way in which a coordinator's state changes. */
export type Replay = (decision: Decision) => void;

/** What a log of decisions is made of. */
export interface DecisionLogParts {
  readonly self: Self;
  readonly partition: ActorRef<PartitionMessage>;
  /** Wall clock, for the records' timestamps. */
  readonly now: () => number;
  readonly replay: Replay;
  readonly log: LogSink;
  /** Bytes of decisions in one append. */
  readonly batchBytesMax: number;
}

/** What a coordinator may do on load beside replaying one record after another. */
export interface Loading {
  /**
   * Called with each batch; true when it was replayed: transactional ones and markers are, by whoever understands them.
   */
  readonly onBatch?: (header: BatchHeader, records: Iterable<LogRecord>) => boolean;
  /** Replays the record that the reader stands on as {@linkcode Replay} would, but quicker; false when it cannot. */
  readonly replayUsual?: (record: RecordReader) => boolean;
}

/** Bytes of one read while loading. */
const LOAD_BYTES = 1024 * 1024;
/** Newest version of Produce: the batches are our own. */
const PRODUCE_VERSION = 13;

interface Append {
  /** A batch that is written as it is; null = one is made of the records. */
  readonly batch: Uint8Array | null;
  readonly records: RecordDraft[];
  readonly durable: (() => void)[];
  bytes: number;
}

/** The log of one coordinator's decisions. Everything runs in the coordinator's turn. */
export class DecisionLog {
  /** Appends that are not durable yet, the one under way first. */
  #appends: Append[] = [];
  #underWay = false;

  private constructor(private readonly parts: DecisionLogParts) {}

  /**
   * Reads the log from its start and replays it. What cannot be understood is passed over: Kafka's tools may write to internal
   * topics, and so may whoever says that he is one of them. One bad record must not take a coordinator from everybody.
   */
  static async load(parts: DecisionLogParts, loading: Loading = {}): Promise<DecisionLog> {
    const { partition } = parts;
    const { logStartOffset, highWatermark } = await partition.ask("describe", {});
    for (let offset = logStartOffset; offset < highWatermark;) {
      const { slices } = await partition.ask("fetch", {
        offset,
        maxBytes: LOAD_BYTES,
        minOneBatch: true,
        isolation: "read_uncommitted",
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
      });
      const before = offset;
      for (const batch of batchesIn(slices, "refuse")) {
        const { header } = batch;
        replayBatch(batch, parts, loading);
        offset = header.baseOffset + header.lastOffsetDelta + 1;
      }
      if (offset === before) break; // Compaction has left nothing up to the end.
    }
    return new DecisionLog(parts);
  }

  /** Whether all that was decided is durable. */
  get quiet(): boolean {
    return this.#appends.length === 0;
  }

  /**
   * Applies decisions now, makes them durable, then calls `durable`: in the order of the calls.
   *
   * @throws KafkaError MESSAGE_TOO_LARGE, with nothing applied, when they cannot be written in one append
   */
  append(decisions: readonly Decision[], durable: () => void = () => {}): void {
    if (decisions.length === 0) return this.whenDurable(durable);
    const bytes = bytesOf(decisions);
    if (bytes > this.parts.batchBytesMax) {
      throw new KafkaError(
        "MESSAGE_TOO_LARGE",
        `A decision of ${bytes} bytes is more than ${this.parts.batchBytesMax}`,
      );
    }
    for (const decision of decisions) this.parts.replay(decision);
    const append = this.#gathering(bytes);
    const timestampMs = this.parts.now();
    for (const { key, value } of decisions) append.records.push({ key, value, timestampMs });
    append.bytes += bytes;
    append.durable.push(durable);
    this.#write();
  }

  /** As {@linkcode append}, in as many appends as it takes: for decisions that need not be made together. */
  appendAll(decisions: Iterable<Decision>, durable: () => void = () => {}): void {
    let part: Decision[] = [];
    let bytes = 0;
    for (const decision of decisions) {
      const more = recordBytesMax(decision);
      if (part.length > 0 && bytes + more > this.parts.batchBytesMax) {
        this.append(part);
        part = [];
        bytes = 0;
      }
      part.push(decision);
      bytes += more;
    }
    this.append(part, durable);
  }

  /**
   * Makes a batch durable that is no plain one, such as a part of a transaction or its marker. `apply` does at once what
   * `onBatch` does with it on load.
   *
   * @throws KafkaError MESSAGE_TOO_LARGE, with nothing applied
   */
  appendBatch(batch: Uint8Array, apply: () => void, durable: () => void = () => {}): void {
    if (batch.length > this.parts.batchBytesMax + BATCH_HEADER_BYTES) {
      throw new KafkaError("MESSAGE_TOO_LARGE", `A batch of ${batch.length} bytes is too large`);
    }
    apply();
    this.#appends.push({ batch, records: [], durable: [durable], bytes: batch.length });
    this.#write();
  }

  /** Whether decisions can be written in one append, and would if they were larger by so many bytes. */
  fits(decisions: readonly Decision[], reservedBytes = 0): boolean {
    return bytesOf(decisions) + reservedBytes <= this.parts.batchBytesMax;
  }

  /** Calls `then` once everything decided so far is durable: at once if it is. For answers that only read. */
  whenDurable(then: () => void): void {
    const last = this.#appends.at(-1);
    if (last) last.durable.push(then);
    else then();
  }

  /** The append that takes `bytes` more. */
  #gathering(bytes: number): Append {
    const last = this.#appends.at(-1);
    const open = last !== undefined && last.batch === null &&
      !(this.#underWay && this.#appends.length === 1);
    if (open && last.bytes + bytes <= this.parts.batchBytesMax) return last;
    const next: Append = { batch: null, records: [], durable: [], bytes: 0 };
    this.#appends.push(next);
    return next;
  }

  #write(): void {
    if (this.#underWay || this.#appends.length === 0) return;
    this.#underWay = true;
    const { self, partition } = this.parts;
    const { batch, records } = this.#appends[0];
    partition.ask("append", {
      records: [batch ?? buildBatch(records)],
      requestVersion: PRODUCE_VERSION,
      origin: "coordinator",
    }).then(
      () => self.enqueue(() => this.#written()),
      (error) =>
        self.enqueue(() => {
          // What was applied may not be stored: the coordinator starts again from what is.
          throw new Error(`${self.name} cannot write its decisions`, { cause: error });
        }),
    );
  }

  #written(): void {
    this.#underWay = false;
    const { durable } = this.#appends.shift()!;
    for (const then of durable) then();
    this.#write();
  }
}

/** Replays a batch on load, as far as it says anything. */
function replayBatch(
  { header, bytes }: Batch,
  { self, replay, log }: DecisionLogParts,
  { onBatch, replayUsual }: Loading,
): void {
  const passOver = (offset: number, error: unknown): void =>
    log.write("error", `${self.name}: a record is passed over`, { offset, error });
  try {
    if (onBatch?.(header, recordsIn(bytes))) return;
  } catch (error) {
    return passOver(header.baseOffset, error);
  }
  // The marker of a transaction that somebody took this partition into: nothing is decided by that.
  if (isControl(header)) return;
  for (const records = recordReader(bytes, header); records.next();) {
    if (records.keyBytes < 0) continue;
    try {
      if (!replayUsual?.(records)) replay({ key: records.key!, value: records.value });
    } catch (error) {
      passOver(header.baseOffset + records.offsetDelta, error);
    }
  }
}

function bytesOf(decisions: readonly Decision[]): number {
  return decisions.reduce((sum, decision) => sum + recordBytesMax(decision), 0);
}
