/**
 * What a partition holds transactional batches to.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { BatchHeader } from "../../protocol/records/batch_header.ts";
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import { type Guard, Guards } from "../transaction/guards.ts";
import type { PartitionMarker } from "./messages.ts";

/** From this version of Produce on a producer has a new epoch in each transaction (KIP-890). */
const BUMPING_PRODUCE_VERSION = 12;

/** What a partition holds transactional batches to. */
export class PartitionTransactions {
  readonly #guards = new Guards();

  constructor(
    private readonly name: string,
    private readonly log: Pick<PartitionLog, "producers">,
  ) {}

  /** What a batch needs that its transaction's coordinator knows of this partition; null when that is known here. */
  guard(producerId: bigint, producerEpoch: number): Guard | null {
    return this.#isOpen(producerId, producerEpoch)
      ? null
      : this.#guards.take(producerId, producerEpoch);
  }

  /**
   * Lets a transactional batch pass, or not.
   *
   * @param guard null when there was a transaction open when it was asked for
   * @throws KafkaError INVALID_TXN_STATE when the batch belongs to no open transaction, NOT_ENOUGH_REPLICAS when that is
   * to be found out anew, OUT_OF_ORDER_SEQUENCE_NUMBER when the first batch is missing
   */
  check(header: BatchHeader, guard: Guard | null | undefined, requestVersion: number): void {
    const { producerId, producerEpoch, baseSequence } = header;
    if (!this.#isOpen(producerId, producerEpoch)) {
      if (guard === null) {
        throw new KafkaError(
          "NOT_ENOUGH_REPLICAS",
          `The transaction of producer ${producerId} in ${this.name} has to be looked up again`,
        );
      }
      if (!this.#guards.hold(guard, producerId, producerEpoch)) {
        throw new KafkaError(
          "INVALID_TXN_STATE",
          `${this.name} has no open transaction of producer ${producerId}, epoch ${producerEpoch}`,
        );
      }
    }
    const isUnknown = !this.log.producers.has(producerId);
    if (isUnknown && baseSequence !== 0 && requestVersion >= BUMPING_PRODUCE_VERSION) {
      throw new KafkaError(
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        `${this.name} knows no producer ${producerId}, which may not begin with ${baseSequence}`,
      );
    }
  }

  /**
   * A transaction ends: what its coordinator said before counts no more.
   *
   * @throws KafkaError as {@linkcode checkEnd} does
   */
  end(marker: PartitionMarker): void {
    this.checkEnd(marker);
    this.#guards.void(marker.producerId);
  }

  /**
   * Lets a marker pass, or not. (Kafka: `ProducerAppendInfo.appendEndTxnMarker`.)
   *
   * @throws KafkaError INVALID_PRODUCER_EPOCH when the producer is further than the transaction,
   * TRANSACTION_COORDINATOR_FENCED when a later coordinator has been here
   */
  checkEnd(
    { producerId, epoch, coordinatorEpoch, bumped = false, foreign = false }: PartitionMarker,
  ): void {
    const known = this.log.producers.epochOf(producerId);
    if (epoch < known || bumped && epoch === known && this.#isOpen(producerId, epoch)) {
      throw new KafkaError(
        "INVALID_PRODUCER_EPOCH",
        `Producer ${producerId} is at epoch ${known} in ${this.name}; the marker has ${epoch}`,
      );
    }
    if (foreign && coordinatorEpoch < this.log.producers.coordinatorEpochOf(producerId)) {
      throw new KafkaError(
        "TRANSACTION_COORDINATOR_FENCED",
        `A later coordinator than that of epoch ${coordinatorEpoch} has been in ${this.name}`,
      );
    }
  }

  #isOpen(producerId: bigint, producerEpoch: number): boolean {
    const { producers } = this.log;
    return producers.transactionStart(producerId) >= 0 &&
      producers.epochOf(producerId) === producerEpoch;
  }
}
