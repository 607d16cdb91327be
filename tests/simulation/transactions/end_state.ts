/**
 * What a broker looks like in the end, when all has come to rest.
 *
 * @module
 */
import { type Api, api } from "../../../client/apis.ts";
import { Connection } from "../../../client/connection/connection.ts";
import { Consumer, type IsolationLevel, type TopicPartition } from "../../../client/mod.ts";
import { TRANSACTION_TOPIC } from "../../../actors/transaction/transaction_coordinators.ts";
import { GROUP_TOPIC } from "../../../actors/group/group_coordinators.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../../protocol/messages/61_describe_producers.ts";
import {
  listTransactionsRequest,
  listTransactionsResponse,
} from "../../../protocol/messages/66_list_transactions.ts";
import type { Draft, Infer, Schema } from "../../../protocol/schema/mod.ts";
import type { SimulatedBroker, SimulatedProcess, Violation } from "../../../testing/mod.ts";

const LIST_TRANSACTIONS = api(listTransactionsRequest, listTransactionsResponse);
const DESCRIBE_PRODUCERS = api(describeProducersRequest, describeProducersResponse);
/** The states of transactional ids that have nothing open. */
const ENDED: ReadonlySet<string> = new Set(["Empty", "CompleteCommit", "CompleteAbort"]);

/** Asks a broker one thing, over a connection of its own. */
export async function askOnce<Q extends Schema, S extends Schema>(
  { environment }: SimulatedProcess,
  { address, bootstrapServers }: SimulatedBroker,
  api: Api<Q, S>,
  question: Draft<Q>,
): Promise<Infer<S>> {
  const connection = await Connection.open(await environment.network.dial(address), {
    environment,
    peer: bootstrapServers,
    clientId: "auditor",
    inFlightMax: 1,
    responseBytesMax: 1e8,
    requestTimeoutMs: 10_000,
    setupTimeoutMs: 10_000,
  });
  try {
    return await connection.request(api, question);
  } finally {
    connection.close();
  }
}

/** Transactions that have not ended, and what those that have ended have left behind. */
export async function hangingTransactions(
  process: SimulatedProcess,
  broker: SimulatedBroker,
  topics: Readonly<Record<string, number>>,
): Promise<Violation[]> {
  const partitions = Object.entries({ ...topics, [GROUP_TOPIC]: 1, [TRANSACTION_TOPIC]: 1 })
    .flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition): TopicPartition => ({ topic, partition }))
    );
  return [
    ...await unended(process, broker),
    ...await openProducers(process, broker, partitions),
    ...await heldBack(process, broker, partitions),
  ].map((text) => ({ kind: "hanging transaction", text }));
}

async function unended(process: SimulatedProcess, broker: SimulatedBroker): Promise<string[]> {
  const { transactionStates } = await askOnce(process, broker, LIST_TRANSACTIONS, {
    stateFilters: [],
    producerIdFilters: [],
  });
  return transactionStates.filter(({ transactionState }) => !ENDED.has(transactionState))
    .map(({ transactionalId, transactionState }) => `${transactionalId} is ${transactionState}`);
}

async function openProducers(
  process: SimulatedProcess,
  broker: SimulatedBroker,
  partitions: readonly TopicPartition[],
): Promise<string[]> {
  const { topics } = await askOnce(process, broker, DESCRIBE_PRODUCERS, {
    topics: partitions.map(({ topic, partition }) => ({
      name: topic,
      partitionIndexes: [partition],
    })),
  });
  return topics.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, activeProducers }) =>
      activeProducers.filter(({ currentTxnStartOffset }) => currentTxnStartOffset >= 0n)
        .map(({ producerId, currentTxnStartOffset }) =>
          `${name}-${partitionIndex} has a transaction of producer ${producerId} open from ` +
          `${currentTxnStartOffset}`
        )
    )
  );
}

/** Partitions whose last stable offset is not their high watermark. */
async function heldBack(
  process: SimulatedProcess,
  broker: SimulatedBroker,
  partitions: readonly TopicPartition[],
): Promise<string[]> {
  const ends = async (isolationLevel: IsolationLevel) => {
    await using consumer = new Consumer({
      environment: process.environment,
      bootstrapServers: broker.bootstrapServers,
      isolationLevel,
    });
    return await consumer.endOffsets(partitions);
  };
  const [stable, all] = [await ends("read_committed"), await ends("read_uncommitted")];
  return all.flatMap(({ topic, partition, offset }) => {
    const found = stable.find((each) => each.topic === topic && each.partition === partition);
    if (found?.offset === offset) return [];
    return [`${topic}-${partition} ends at ${offset}, and is stable up to ${found?.offset}`];
  });
}
