/**
 * Tells partitions how a transaction has ended: the second of the two phases.
 *
 * @module
 */
import type { LogSink } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Self } from "../core/message.ts";
import type { TopicPartitions } from "./records.ts";

/** How a transaction has ended. */
export interface TransactionEnd {
  readonly producerId: bigint;
  /** The epoch of the markers: no producer of an earlier one writes after them. */
  readonly epoch: number;
  readonly commit: boolean;
  /** Whom to tell. */
  readonly partitions: TopicPartitions;
}

/** What one partition is told. */
export interface Marker {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly commit: boolean;
  /** Of the coordinator that decided. */
  readonly coordinatorEpoch: number;
}

/** What markers are written with. */
export interface MarkersParts {
  readonly self: Self;
  readonly log: LogSink;
  readonly coordinatorEpoch: number;
  /** Tells a partition, durably. Resolves also when the partition is no more. */
  readonly tell: (topic: string, partition: number, marker: Marker) => Promise<void>;
}

const RETRY_MS = 100;

/** Tells partitions how transactions have ended, each until it has heard. */
export class Markers {
  constructor(private readonly parts: MarkersParts) {}

  /**
   * Tells every partition, all at once. A marker that was written before is written again: it then ends nothing.
   *
   * @param done called in the coordinator's turn when all have heard
   */
  write({ partitions, ...end }: TransactionEnd, done: () => void): void {
    const { self, coordinatorEpoch } = this.parts;
    let missing = 1;
    const one = () => {
      if (--missing === 0) done();
    };
    for (const [topic, indexes] of partitions) {
      for (const partition of indexes) {
        missing++;
        this.#tell(topic, partition, { ...end, coordinatorEpoch }, one);
      }
    }
    self.enqueue(one);
  }

  #tell(topic: string, partition: number, marker: Marker, done: () => void): void {
    const { self, log, tell } = this.parts;
    tell(topic, partition, marker).then(
      () => self.enqueue(done),
      (error) =>
        self.enqueue(() => {
          if (isFenced(error)) {
            // The producer is further there than the transaction is here: there is nothing of it left to end.
            log.write("warn", `${topic}-${partition} refuses a transaction's marker`, { error });
            return done();
          }
          self.schedule(RETRY_MS, () => this.#tell(topic, partition, marker, done));
        }),
    );
  }
}

function isFenced(error: unknown): boolean {
  return error instanceof KafkaError && error.kind === "INVALID_PRODUCER_EPOCH";
}
