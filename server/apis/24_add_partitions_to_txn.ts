import { INTERNAL_TOPICS } from "../../actors/controller/topic_name.ts";
import { ERROR_CODES, type ErrorName, KafkaError } from "../../protocol/errors.ts";
import {
  type AddPartitionsToTxnRequest,
  addPartitionsToTxnRequest,
  addPartitionsToTxnResponse,
} from "../../protocol/messages/24_add_partitions_to_txn.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { authorize, CLUSTER, isAllowed } from "../security/authorizer.ts";
import { confirm, type Confirmation } from "../transactions/confirm.ts";
import { fencedIn } from "../transactions/errors.ts";

/** From this version on PRODUCER_FENCED may be answered. */
const FENCED_VERSION = 2;
/** From this version on it is for brokers, and of several transactions. */
const BATCH_VERSION = 4;

type Topics = AddPartitionsToTxnRequest["v3AndBelowTopics"];
type TopicResults = NonNullable<
  Draft<typeof addPartitionsToTxnResponse>["resultsByTopicV3AndBelow"]
>;
type Wanted = Omit<Confirmation, "adds"> & { readonly topics: Topics; readonly verifies: boolean };

/**
 * AddPartitionsToTxn: makes partitions part of a transaction.
 * - v2: PRODUCER_FENCED may be answered
 * - v3: flexible
 * - v4: several transactions at once, also to ask whether partitions are part of them: for brokers
 * - v5: TRANSACTION_ABORTABLE may be answered; Kafka answers it in v4 too, and so do we
 */
export const addPartitionsToTxn = defineApi({
  name: "AddPartitionsToTxn",
  key: 24,
  versions: [0, 5],
  request: addPartitionsToTxnRequest,
  response: addPartitionsToTxnResponse,

  async handle(request, context) {
    if (context.apiVersion < BATCH_VERSION) {
      const resultsByTopicV3AndBelow = await addAll(oldForm(request), context);
      return { throttleTimeMs: 0, resultsByTopicV3AndBelow };
    }
    authorize(context, "ClusterAction", "Cluster", CLUSTER);
    const results = request.transactions.map(async (transaction) => ({
      transactionalId: transaction.transactionalId,
      topicResults: await addAll({
        transactionalId: transaction.transactionalId,
        producer: { producerId: transaction.producerId, epoch: transaction.producerEpoch },
        topics: transaction.topics,
        verifies: transaction.verifyOnly,
      }, context),
    }));
    return { throttleTimeMs: 0, errorCode: 0, resultsByTransaction: await Promise.all(results) };
  },

  refuse(request, error, { apiVersion }) {
    if (apiVersion >= BATCH_VERSION) return { throttleTimeMs: 0, errorCode: error.code };
    return {
      throttleTimeMs: 0,
      resultsByTopicV3AndBelow: results(request.v3AndBelowTopics, () => error.code),
    };
  },
});

function oldForm(request: AddPartitionsToTxnRequest): Wanted {
  return {
    transactionalId: request.v3AndBelowTransactionalId,
    producer: {
      producerId: request.v3AndBelowProducerId,
      epoch: request.v3AndBelowProducerEpoch,
    },
    topics: request.v3AndBelowTopics,
    verifies: false,
  };
}

/** All partitions or none: where one cannot be added, the others are not attempted. */
async function addAll(wanted: Wanted, context: RequestContext): Promise<TopicResults> {
  const { topics, transactionalId, producer, verifies } = wanted;
  try {
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    if (context.apiVersion < BATCH_VERSION) {
      authorize(context, "Write", "TransactionalId", transactionalId);
    }
    const faults = new Map(
      topics.map((topic) => [topic.name, faultsOf(topic, context)] as const),
    );
    if ([...faults.values()].some(({ size }) => size > 0)) {
      return results(
        topics,
        (topic, partition) =>
          codeOf(faults.get(topic)!.get(partition) ?? "OPERATION_NOT_ATTEMPTED"),
      );
    }
    const partitions = topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => ({ topic: name, partition }))
    );
    const outcomes = await confirm(
      { transactionalId, producer, adds: !verifies },
      partitions,
      context,
    );
    let next = 0;
    return results(topics, () => {
      const outcome = outcomes[next++];
      return outcome === null ? 0 : told(new KafkaError(outcome), context).code;
    });
  } catch (error) {
    const outcome = outcomeError(error, "AddPartitionsToTxn", context);
    const { code } = told(outcome, context);
    return results(topics, () => code);
  }
}

function told(error: KafkaError, { apiVersion }: Pick<RequestContext, "apiVersion">): KafkaError {
  return fencedIn(error, apiVersion, FENCED_VERSION);
}

/**
 * Why partitions of a topic cannot be part of a transaction. What is told to clients of internal topics is Kafka's, whoever
 * they are: only brokers take those into a transaction, and ours does so itself.
 */
function faultsOf(
  { name, partitions }: Topics[number],
  context: RequestContext,
): ReadonlyMap<number, ErrorName> {
  const topic = context.broker.metadata().topics.get(name);
  const faults = new Map<number, ErrorName>();
  for (const partition of partitions) {
    const isForBrokers = context.apiVersion < BATCH_VERSION && INTERNAL_TOPICS.has(name);
    if (isForBrokers || !isAllowed(context, "Write", "Topic", name)) {
      faults.set(partition, "TOPIC_AUTHORIZATION_FAILED");
    } else if (!topic || partition < 0 || partition >= topic.partitionCount) {
      faults.set(partition, "UNKNOWN_TOPIC_OR_PARTITION");
    }
  }
  return faults;
}

function results(
  topics: Topics,
  codeFor: (topic: string, partition: number) => number,
): TopicResults {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: codeFor(name, partitionIndex),
    })),
  }));
}

function codeOf(name: ErrorName): number {
  return ERROR_CODES[name].code;
}
