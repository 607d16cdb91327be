/**
 * Who speaks for a transactional id.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import { NO_PRODUCER_ID, type Transaction } from "./transaction.ts";

/** A producer, as it names itself. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
}

/**
 * Who it is that speaks: the producer that the id belongs to; the same, not knowing its newest epoch yet; or the same,
 * already under the producer id that it was told to go on with.
 */
export type Speaker = "current" | "before" | "ahead";

/**
 * Who speaks.
 *
 * @throws KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED for somebody else
 */
export function speakerFor(
  { id, stored, state: { context } }: Transaction,
  { producerId, epoch }: ProducerIdentity,
): Speaker {
  const { previousProducerId, nextProducerId } = stored;
  if (producerId === stored.producerId) {
    if (epoch === context.epoch) return "current";
    if (epoch === context.lastEpoch) return "before";
    throw new KafkaError(
      "PRODUCER_FENCED",
      `"${id}" belongs to epoch ${context.epoch} of producer ${producerId}, not to ${epoch}`,
    );
  }
  if (producerId === nextProducerId && producerId !== NO_PRODUCER_ID && epoch === 0) return "ahead";
  const wasLast = context.epoch === 0 && epoch === context.lastEpoch;
  if (producerId === previousProducerId && producerId !== NO_PRODUCER_ID && wasLast) {
    return "before";
  }
  throw new KafkaError(
    "INVALID_PRODUCER_ID_MAPPING",
    `"${id}" belongs to producer ${stored.producerId}, not to ${producerId}`,
  );
}

/** The id and epoch that the producer is to go on with. */
export function identityOf({ stored, state: { context } }: Transaction): ProducerIdentity {
  return context.rotating
    ? { producerId: stored.nextProducerId, epoch: 0 }
    : { producerId: stored.producerId, epoch: context.epoch };
}
