import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import type { Appended } from "../../actors/partition/messages.ts";
import { errorName, KafkaError } from "../../protocol/errors.ts";
import {
  type ProduceRequest,
  produceRequest,
  produceResponse,
} from "../../protocol/messages/00_produce.ts";
import { InvalidRecordsError } from "../../protocol/records/produce_rules.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ConnectionRefusal, defineApi, type RequestContext } from "../api.ts";
import { deadlineOf } from "../deadline.ts";
import { outcomeError } from "../errors.ts";
import { leaderOf, nodeEndpoints } from "../leader.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, topicNamed, topicOfId } from "../topics.ts";
import { RequestTransaction, requireOneProducer } from "../transactions/request_transaction.ts";

/** Kafka's tools may write to internal topics, under this client id. */
const ADMIN_CLIENT_ID = "__admin_client";
const LEADER_VERSION = 10;
const TOPIC_ID_VERSION = 13;

type WantedTopic = ProduceRequest["topicData"][number];
type WantedPartition = WantedTopic["partitionData"][number];
type PartitionAnswer = Draft<
  typeof produceResponse
>["responses"][number]["partitionResponses"][number];

/**
 * Produce: appends one record batch to each of several partitions.
 * - v3: record batches (KIP-98); v0-2, with message sets, are told by ApiVersions and not served: librdkafka up to 2.11
 *   compresses only where v0 is told (KAFKA-18659)
 * - v5: log start offset
 * - v7: zstd
 * - v8: single records that are at fault
 * - v9: flexible
 * - v10: the leader, beside errors about leaders
 * - v11: TRANSACTION_ABORTABLE may be answered
 * - v12: a batch makes its partition part of the transaction (KIP-890)
 * - v13: topics by id
 *
 * acks 1 and -1 (all) are answered when the batch is on disk; acks 0 is not answered, and closes the connection on an error.
 */
export const produce = defineApi({
  name: "Produce",
  key: 0,
  versions: [3, 13],
  advertised: [0, 13],
  note: "v0–2 are told for old librdkafka and close the connection.",
  overlaps: true,
  request: produceRequest,
  response: produceResponse,

  handle(request, context) {
    if (request.acks < -1 || request.acks > 1) throw new KafkaError("INVALID_REQUIRED_ACKS");
    requireOneProducer(request);
    // From here to the partitions' mailboxes nothing is awaited: requests enter them in order of arrival.
    return new Appending(request, context).done.then((responses) =>
      request.acks === 0 ? silence(responses) : shape(responses, context)
    );
  },

  refuse({ acks, topicData }, error) {
    if (acks === 0) throw new ConnectionRefusal(`Produce without answer failed: ${error.message}`);
    return {
      responses: topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => failed(index, error)),
      })),
    };
  },
});

interface TopicAnswer {
  readonly name: string;
  readonly topicId: string;
  readonly partitionResponses: readonly PartitionAnswer[];
}

/** What is known so far of one topic's answers: null where an append is under way. */
interface TopicState {
  readonly wanted: WantedTopic;
  readonly answers: (PartitionAnswer | null)[];
}

/** The appends of one request, each answered on its own. */
class Appending {
  /** Settles when all are answered, or the client's time is up. */
  readonly done: Promise<readonly TopicAnswer[]>;
  #pending = 1;
  #finish!: () => void;
  readonly #transaction: RequestTransaction;
  readonly #topics: TopicState[] = [];

  constructor(request: ProduceRequest, private readonly context: RequestContext) {
    const { timers } = context.broker.environment;
    const finished = new Promise<void>((resolve) => this.#finish = resolve);
    const timer = timers.schedule(deadlineOf(request.timeoutMs), this.#finish);
    this.done = finished.then(() => {
      timer.cancel();
      return this.#topics.map(answerOf);
    });
    this.#transaction = new RequestTransaction(request.transactionalId, context);
    const twice = repeatedPartitions(request);
    for (const wanted of request.topicData) this.#appendAll(wanted, twice);
    this.#transaction.confirm();
    this.#settleOne();
  }

  #appendAll(wanted: WantedTopic, twice: ReadonlySet<WantedPartition>): void {
    const answers: TopicState["answers"] = wanted.partitionData.map(() => null);
    this.#topics.push({ wanted, answers });
    let topic: TopicImage | null = null;
    let fault: unknown = null;
    try {
      topic = this.#resolve(wanted);
    } catch (error) {
      fault = error;
    }
    for (const [at, partition] of wanted.partitionData.entries()) {
      const { index, records } = partition;
      try {
        if (topic === null) throw fault;
        checkPartition(index, topic);
        if (twice.has(partition)) {
          throw new KafkaError("INVALID_REQUEST", "The partition is there more than once");
        }
        const appended = this.#transaction.append(topic, index, records);
        this.#pending++;
        appended.then((appended) => {
          answers[at] = succeeded(index, appended);
          this.#settleOne();
        }, (error) => {
          answers[at] = this.#failure(index, topic, error);
          this.#settleOne();
        });
      } catch (error) {
        answers[at] = this.#failure(index, topic, error);
      }
    }
  }

  /** @throws KafkaError when there is no such topic, or the client may not write to it */
  #resolve({ name, topicId }: WantedTopic): TopicImage {
    const { apiVersion, broker, clientId } = this.context;
    const metadata = broker.metadata();
    const topic = apiVersion >= TOPIC_ID_VERSION
      ? topicOfId(topicId, metadata)
      : topicNamed(name, metadata);
    authorize(this.context, "Write", "Topic", topic.name);
    if (topic.internal && clientId !== ADMIN_CLIENT_ID) {
      throw new KafkaError("INVALID_TOPIC_EXCEPTION", `${topic.name} is an internal topic`);
    }
    return topic;
  }

  #failure(index: number, topic: TopicImage | null, error: unknown): PartitionAnswer {
    const answer = failed(index, outcomeError(error, "Produce", this.context));
    const place = topic && { topicId: topic.id, partition: index };
    return { ...answer, ...leaderOf(answer.errorCode, place, this.context, LEADER_VERSION) };
  }

  #settleOne(): void {
    if (--this.#pending === 0) this.#finish();
  }
}

/** Partitions that a request names more than once: which batch was meant nobody can tell, so none is stored. */
function repeatedPartitions({ topicData }: ProduceRequest): ReadonlySet<WantedPartition> {
  const seen = new Map<string, Map<number, WantedPartition>>();
  const twice = new Set<WantedPartition>();
  for (const { name, topicId, partitionData } of topicData) {
    const key = `${topicId}/${name}`;
    const first = seen.get(key) ?? new Map<number, WantedPartition>();
    seen.set(key, first);
    for (const partition of partitionData) {
      const same = first.get(partition.index);
      if (same) twice.add(same).add(partition);
      else first.set(partition.index, partition);
    }
  }
  return twice;
}

/** The answer for a topic, now. What is not known has taken longer than the client waits. */
function answerOf({ wanted: { name, topicId, partitionData }, answers }: TopicState): TopicAnswer {
  const partitionResponses = answers.map((answer, at) =>
    answer ?? failed(partitionData[at].index, new KafkaError("REQUEST_TIMED_OUT"))
  );
  return { name, topicId, partitionResponses };
}

function succeeded(
  index: number,
  { baseOffset, logAppendTimeMs, logStartOffset }: Appended,
): PartitionAnswer {
  return {
    index,
    errorCode: 0,
    baseOffset: BigInt(baseOffset),
    logAppendTimeMs: BigInt(logAppendTimeMs),
    logStartOffset: BigInt(logStartOffset),
  };
}

function failed(index: number, error: KafkaError): PartitionAnswer {
  return {
    index,
    errorCode: error.code,
    baseOffset: -1n,
    errorMessage: error.message,
    ...(error instanceof InvalidRecordsError && {
      recordErrors: error.recordErrors.map(({ batchIndex, message }) => ({
        batchIndex,
        batchIndexErrorMessage: message,
      })),
    }),
  };
}

function shape(
  responses: readonly TopicAnswer[],
  context: RequestContext,
): Draft<typeof produceResponse> {
  const partitions = responses.flatMap(({ partitionResponses }) => partitionResponses);
  return { responses, nodeEndpoints: nodeEndpoints(partitions, context, LEADER_VERSION) };
}

/** @throws ConnectionRefusal when something failed: closing is all that tells the client */
function silence(responses: readonly TopicAnswer[]): null {
  for (const { partitionResponses } of responses) {
    const failure = partitionResponses.find(({ errorCode }) => errorCode !== 0);
    if (failure) {
      const { errorCode, errorMessage } = failure;
      throw new ConnectionRefusal(
        `Produce without answer failed with ${errorName(errorCode)}: ${errorMessage}`,
      );
    }
  }
  return null;
}
