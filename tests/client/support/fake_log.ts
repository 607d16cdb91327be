import {
  incrementSequence,
  isControl,
  lastOffset,
  lastSequence,
  readBatchHeader,
  writeBaseOffset,
} from "../../../protocol/records/batch_header.ts";
import { type LogRecord, recordsIn } from "../../../protocol/records/records.ts";
import type { ErrorName } from "../../../protocol/errors.ts";

/** What became of a batch. */
export interface Appended {
  readonly error: ErrorName;
  readonly baseOffset: number;
}

interface ProducerState {
  epoch: number;
  /** The last five: first and last sequence number, and base offset. */
  batches: { readonly first: number; readonly last: number; readonly baseOffset: number }[];
}

/** How many batches of a producer a broker remembers. */
const REMEMBERED = 5;

/** One partition of the fake cluster: holds batches, and checks sequence numbers as Kafka does. */
export class FakeLog {
  readonly batches: Uint8Array[] = [];
  readonly #producers = new Map<bigint, ProducerState>();
  startOffset = 0;
  /** Whether the first batch of an unknown producer has to be number 0: in transactions since KIP-890. */
  beginsAtZero = false;

  get endOffset(): number {
    const last = this.batches.at(-1);
    return last === undefined ? this.startOffset : lastOffset(readBatchHeader(last)) + 1;
  }

  /** Appends a batch, or says why not. */
  append(bytes: Uint8Array): Appended {
    const batch = bytes.slice();
    const header = readBatchHeader(batch);
    const state = this.#producers.get(header.producerId);
    if (header.producerId >= 0n && state !== undefined) {
      if (header.producerEpoch < state.epoch) return refused("INVALID_PRODUCER_EPOCH");
      if (header.producerEpoch > state.epoch) {
        if (header.baseSequence !== 0) return refused("OUT_OF_ORDER_SEQUENCE_NUMBER");
        state.epoch = header.producerEpoch;
        state.batches = [];
      }
      const known = state.batches.find(({ first, last }) =>
        first === header.baseSequence && last === lastSequence(header)
      );
      if (known) return { error: "NONE", baseOffset: known.baseOffset };
      const last = state.batches.at(-1);
      if (last && incrementSequence(last.last, 1) !== header.baseSequence) {
        return refused("OUT_OF_ORDER_SEQUENCE_NUMBER");
      }
    }
    if (state === undefined && this.beginsAtZero && header.baseSequence > 0) {
      return refused("OUT_OF_ORDER_SEQUENCE_NUMBER");
    }
    const baseOffset = this.endOffset;
    writeBaseOffset(batch, baseOffset);
    this.batches.push(batch);
    this.#remember(header.producerId, header.producerEpoch, {
      first: header.baseSequence,
      last: lastSequence(header),
      baseOffset,
    });
    return { error: "NONE", baseOffset };
  }

  /** Forgets what it knows of producers, as a broker that lost its disk would. */
  forgetProducers(): void {
    this.#producers.clear();
  }

  /** Whole batches from the one with this offset on. */
  read(offset: number): Uint8Array[] {
    return this.batches.filter((batch) => lastOffset(readBatchHeader(batch)) >= offset);
  }

  /** Everything in it but control records. */
  get records(): LogRecord[] {
    return this.batches.filter((batch) => !isControl(readBatchHeader(batch)))
      .flatMap((batch) => [...recordsIn(batch)]);
  }

  /** The records' values as text. */
  get texts(): string[] {
    const decoder = new TextDecoder();
    return this.records.map(({ value }) => decoder.decode(value ?? undefined));
  }

  #remember(producerId: bigint, epoch: number, batch: ProducerState["batches"][number]): void {
    if (producerId < 0n) return;
    const state = this.#producers.get(producerId) ?? { epoch, batches: [] };
    state.batches = [...state.batches, batch].slice(-REMEMBERED);
    this.#producers.set(producerId, state);
  }
}

function refused(error: ErrorName): Appended {
  return { error, baseOffset: -1 };
}
