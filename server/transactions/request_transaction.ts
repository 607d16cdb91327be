/**
 * The transaction that a Produce request belongs to, if it does.
 *
 * @module
 */
import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import type { ActorRef } from "../../actors/core/message.ts";
import type { TopicPartition } from "../../actors/group/messages.ts";
import type { Appended, PartitionMessage } from "../../actors/partition/messages.ts";
import type { Guard } from "../../actors/transaction/guards.ts";
import type { ProducerIdentity } from "../../actors/transaction/identity.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { ProduceRequest } from "../../protocol/messages/00_produce.ts";
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  hasProducerId,
  isTransactional,
  readBatchHeader,
} from "../../protocol/records/batch_header.ts";
import type { RequestContext } from "../api.ts";
import { authorize } from "../security/authorizer.ts";
import { confirm } from "./confirm.ts";
import { verificationError } from "./errors.ts";

/** From this version on a client can be told to abort its transaction (KIP-890). */
const ABORTABLE_VERSION = 11;
/** From this version on a batch makes its partition part of the transaction (KIP-890). */
const ADDING_VERSION = 12;

type Records = readonly Uint8Array[] | null;

/** A partition that waits for the coordinator's word. */
interface Unconfirmed {
  readonly producer: ProducerIdentity;
  readonly place: TopicPartition;
  readonly guard: Promise<Guard | null>;
  readonly confirmed: PromiseWithResolvers<Guard | null>;
}

/**
 * The transaction of one Produce request, whose batches are of one producer ({@linkcode requireOneProducer}): asks its
 * coordinator once, for all partitions that do not know of it yet.
 */
export class RequestTransaction {
  readonly #waiting: Unconfirmed[] = [];

  constructor(
    private readonly transactionalId: string | null,
    private readonly context: RequestContext,
  ) {}

  /** Appends a batch: at once if it belongs to no transaction, else when {@linkcode confirm} has been called, in order. */
  append(topic: TopicImage, index: number, records: Records): Promise<Appended> {
    const { broker, apiVersion: requestVersion, inTransactions } = this.context;
    const partition = broker.partition(topic.id, index);
    const header = transactionalHeader(records);
    if (header === null) return partition.ask("append", { records, requestVersion });
    this.#requireId();
    const { producerId, producerEpoch } = header;
    return inTransactions.inOrder(
      `${topic.id}/${index}/${producerId}`,
      this.#confirmed({ producerId, epoch: producerEpoch }, topic.name, index, partition),
      (guard) => partition.ask("append", { records, requestVersion, guard }),
    ).catch((error) => {
      throw this.#told(error);
    });
  }

  /** Asks about all partitions that need it. */
  confirm(): void {
    if (this.#waiting.length > 0) this.#confirmAll(this.#waiting);
  }

  /** @throws KafkaError TRANSACTIONAL_ID_AUTHORIZATION_FAILED, INVALID_REQUEST */
  #requireId(): void {
    const { transactionalId, context } = this;
    if (transactionalId === null) {
      const reason = "A transactional batch without transactional id";
      throw new KafkaError("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", reason);
    }
    authorize(context, "Write", "TransactionalId", transactionalId);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
  }

  #confirmed(
    producer: ProducerIdentity,
    topic: string,
    index: number,
    partition: ActorRef<PartitionMessage>,
  ): Promise<Guard | null> {
    const { producerId, epoch } = producer;
    const waiting: Unconfirmed = {
      producer,
      place: { topic, partition: index },
      guard: partition.ask("guard", { producerId, producerEpoch: epoch }),
      confirmed: Promise.withResolvers(),
    };
    this.#waiting.push(waiting);
    return waiting.confirmed.promise;
  }

  async #confirmAll(waiting: readonly Unconfirmed[]): Promise<void> {
    try {
      const guards = await Promise.all(waiting.map(({ guard }) => guard));
      const unknown = waiting.filter((_, at) => guards[at] !== null);
      const refusals = unknown.length === 0 ? [] : await this.#ask(unknown);
      for (const [at, { confirmed }] of unknown.entries()) {
        const refusal = refusals[at];
        if (refusal) confirmed.reject(new KafkaError(refusal));
      }
      for (const [at, { confirmed }] of waiting.entries()) confirmed.resolve(guards[at]);
    } catch (error) {
      for (const { confirmed } of waiting) confirmed.reject(error);
    }
  }

  #ask(unknown: readonly Unconfirmed[]) {
    const { transactionalId, context } = this;
    const adds = context.apiVersion >= ADDING_VERSION;
    return confirm(
      { transactionalId: transactionalId!, producer: unknown[0].producer, adds, waits: adds },
      unknown.map(({ place }) => place),
      context,
    );
  }

  #told(error: unknown): unknown {
    const { apiVersion } = this.context;
    return verificationError(error, {
      trouble: "NOT_ENOUGH_REPLICAS",
      knowsConcurrent: apiVersion >= ADDING_VERSION,
      knowsAbortable: apiVersion >= ABORTABLE_VERSION,
    });
  }
}

/**
 * Makes sure that a request writes in the name of one producer alone: the coordinator is asked about one. (Kafka:
 * `ReplicaManager.handleProduceAppend`.)
 *
 * @throws KafkaError INVALID_PRODUCER_ID_MAPPING
 */
export function requireOneProducer({ transactionalId, topicData }: ProduceRequest): void {
  if (transactionalId === null) return;
  let first: BatchHeader | null = null;
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      const header = transactionalHeader(records);
      if (header === null) continue;
      first ??= header;
      const { producerId, producerEpoch } = first;
      if (header.producerId === producerId && header.producerEpoch === producerEpoch) continue;
      throw new KafkaError(
        "INVALID_PRODUCER_ID_MAPPING",
        `Batches of producers ${producerId}, epoch ${producerEpoch}, and ${header.producerId}, epoch ` +
          `${header.producerEpoch}, cannot be of one transaction`,
      );
    }
  }
}

/** The header of a batch that claims to belong to a transaction; what else it may be, the partition finds out. */
function transactionalHeader(records: Records): BatchHeader | null {
  const bytes = records?.[0];
  if (bytes === undefined || bytes.length < BATCH_HEADER_BYTES) return null;
  try {
    const header = readBatchHeader(bytes);
    return isTransactional(header) && hasProducerId(header) ? header : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
