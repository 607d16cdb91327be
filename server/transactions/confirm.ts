import type { TopicPartition } from "../../actors/group/messages.ts";
import type { ProducerIdentity } from "../../actors/transaction/identity.ts";
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import type { RequestContext } from "../api.ts";

/** Of whose transaction, and which of two ways it is asked about. */
export interface Confirmation {
  readonly transactionalId: string;
  readonly producer: ProducerIdentity;
  /** KIP-890: writing to a partition makes it part of the transaction; before, it has to be part of it already. */
  readonly adds: boolean;
  /** Whether to wait a moment for the transaction before, if that is still ending, in the producer's stead. */
  readonly waits?: boolean;
}

/**
 * Asks the coordinator whether partitions are part of a transaction, or makes them.
 *
 * @returns why each is not, in their order
 * @throws KafkaError what holds for all of them
 */
export async function confirm(
  { transactionalId, producer, adds, waits = false }: Confirmation,
  partitions: readonly TopicPartition[],
  { broker }: Pick<RequestContext, "broker">,
): Promise<readonly (ErrorName | null)[]> {
  const { producerId, epoch } = producer;
  const request = { transactionalId, producerId, epoch, partitions };
  const coordinator = broker.coordinators.transaction(transactionalId);
  if (!adds) return await coordinator.ask("verify", request);
  await coordinator.ask("add", { ...request, waits });
  return partitions.map(() => null);
}

/** The same, of one partition. */
export async function confirmOne(
  confirmation: Confirmation,
  partition: TopicPartition,
  context: Pick<RequestContext, "broker">,
): Promise<void> {
  const [refusal] = await confirm(confirmation, [partition], context);
  if (refusal) throw new KafkaError(refusal);
}
