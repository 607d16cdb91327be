import { KafkaError } from "../../protocol/errors.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";
import type {
  HangingTransaction,
  ProducerState,
  TransactionAdmin,
  TransactionDescription,
} from "./transactions.ts";

type OpenTransaction = TopicPartition & ProducerState & { readonly transactionStart: bigint };

/**
 * Transactions that are open in partitions and that no coordinator knows of there. (Kafka: `FindHangingTransactions` of
 * `TransactionsCommand`.)
 *
 * @param beforeMs their producers must have been silent since then
 */
export async function hangingTransactions(
  admin: Pick<TransactionAdmin, "producers" | "list" | "describe">,
  partitions: readonly TopicPartition[],
  beforeMs: number,
): Promise<HangingTransaction[]> {
  const open = await openTransactions(admin, partitions, beforeMs);
  if (open.length === 0) return [];
  const producerIds = [...new Set(open.map(({ producerId }) => producerId))];
  const listings = await admin.list({ producerIds });
  const descriptions = new Map<bigint, TransactionDescription | null>(
    await Promise.all(
      listings.map(async ({ producerId, transactionalId }) =>
        [producerId, await describe(admin, transactionalId)] as const
      ),
    ),
  );
  return open.flatMap((transaction) => {
    const description = descriptions.get(transaction.producerId) ?? null;
    const isKnown = description?.partitions.some((known) =>
      partitionKey(known) === partitionKey(transaction)
    );
    if (isKnown) return [];
    return [{ ...transaction, transactionalId: description?.transactionalId ?? null }];
  });
}

async function openTransactions(
  admin: Pick<TransactionAdmin, "producers">,
  partitions: readonly TopicPartition[],
  beforeMs: number,
): Promise<OpenTransaction[]> {
  const open: OpenTransaction[] = [];
  // One after another: a cluster may have very many.
  for (const { topic, partition } of partitions) {
    for (const producer of await admin.producers({ topic, partition })) {
      const { transactionStart, lastTimestampMs } = producer;
      if (transactionStart === null || lastTimestampMs >= beforeMs) continue;
      open.push({ topic, partition, ...producer, transactionStart });
    }
  }
  return open;
}

/** null when it has been forgotten since it was listed. */
async function describe(
  admin: Pick<TransactionAdmin, "describe">,
  transactionalId: string,
): Promise<TransactionDescription | null> {
  try {
    return await admin.describe(transactionalId);
  } catch (error) {
    if (error instanceof KafkaError && error.kind === "TRANSACTIONAL_ID_NOT_FOUND") return null;
    throw error;
  }
}
