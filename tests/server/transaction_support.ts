/**
 * A transactional producer that sends what it is told, in the version that it is told: for what no client does.
 *
 * @module
 */
import { produceRequest, produceResponse } from "../../protocol/messages/00_produce.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../protocol/messages/10_find_coordinator.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../protocol/messages/22_init_producer_id.ts";
import {
  addPartitionsToTxnRequest,
  addPartitionsToTxnResponse,
} from "../../protocol/messages/24_add_partitions_to_txn.ts";
import {
  addOffsetsToTxnRequest,
  addOffsetsToTxnResponse,
} from "../../protocol/messages/25_add_offsets_to_txn.ts";
import { endTxnRequest, endTxnResponse } from "../../protocol/messages/26_end_txn.ts";
import {
  writeTxnMarkersRequest,
  writeTxnMarkersResponse,
} from "../../protocol/messages/27_write_txn_markers.ts";
import {
  txnOffsetCommitRequest,
  txnOffsetCommitResponse,
} from "../../protocol/messages/28_txn_offset_commit.ts";
import { type BatchOptions, buildBatch } from "../../protocol/records/builder.ts";
import { transactionTombstone } from "../../actors/transaction/records.ts";
import { coordinatorPartition } from "../../protocol/java_hash.ts";
import type { WireClient } from "./support.ts";
import { produceTo } from "./topics.ts";

/** A producer, as it names itself. */
export interface Identity {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** From this version on EndTxn tells the producer who it is next. */
const BUMPING_END = 5;

/** A transactional producer that sends what it is told. Most methods answer an error code. */
export class WireProducer implements Disposable, Identity {
  producerId = -1n;
  epoch = -1;
  sequence = 0;
  /** Of its records; -1 = they have none. */
  timestampMs = -1;

  constructor(
    readonly client: WireClient,
    readonly id: string = "tx",
    readonly topic: string = "t",
    readonly group: string = "g",
  ) {}

  /** InitProducerId. Takes over what it is told. */
  async init(
    version = 5,
    { timeoutMs = 60_000, expected }: { timeoutMs?: number; expected?: Identity } = {},
  ): Promise<number> {
    const answer = await this.client.ask([initProducerIdRequest, initProducerIdResponse], version, {
      transactionalId: this.id,
      transactionTimeoutMs: timeoutMs,
      ...(expected && { producerId: expected.producerId, producerEpoch: expected.epoch }),
    });
    if (answer.errorCode === 0) this.become(answer);
    return answer.errorCode;
  }

  /** AddPartitionsToTxn as clients send it: the code of each partition, in order of their numbers. */
  async addEach(version: number, ...partitions: number[]): Promise<number[]> {
    const { resultsByTopicV3AndBelow: [{ resultsByPartition }] } = await this.client.ask(
      [addPartitionsToTxnRequest, addPartitionsToTxnResponse],
      version,
      {
        v3AndBelowTransactionalId: this.id,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.epoch,
        v3AndBelowTopics: [{ name: this.topic, partitions }],
      },
    );
    return codesOf(resultsByPartition);
  }

  /** The same: the code of the first partition. */
  async add(version: number, ...partitions: number[]): Promise<number> {
    return (await this.addEach(version, ...partitions))[0];
  }

  /** AddPartitionsToTxn as brokers send it: the code of each partition, in order of their numbers. */
  async addAsBroker(
    version: number,
    verifyOnly: boolean,
    ...partitions: number[]
  ): Promise<number[]> {
    const { errorCode, resultsByTransaction } = await this.client.ask(
      [addPartitionsToTxnRequest, addPartitionsToTxnResponse],
      version,
      {
        transactions: [{
          transactionalId: this.id,
          producerId: this.producerId,
          producerEpoch: this.epoch,
          verifyOnly,
          topics: [{ name: this.topic, partitions }],
        }],
      },
    );
    if (errorCode !== 0) return [errorCode];
    return codesOf(resultsByTransaction[0].topicResults[0].resultsByPartition);
  }

  /** AddOffsetsToTxn. */
  async addOffsets(version: number): Promise<number> {
    const { errorCode } = await this.client.ask(
      [addOffsetsToTxnRequest, addOffsetsToTxnResponse],
      version,
      {
        transactionalId: this.id,
        producerId: this.producerId,
        producerEpoch: this.epoch,
        groupId: this.group,
      },
    );
    return errorCode;
  }

  /** Produce. Its sequence goes on when that worked. */
  async produce(
    version: number,
    value = "v",
    { partition = 0, transactionalId = this.id as string | null, batch = this.batch(value) } = {},
  ): Promise<number> {
    const topics = [{ name: this.topic, partitionData: [{ index: partition, records: [batch] }] }];
    const { responses } = await this.client.ask([produceRequest, produceResponse], version, {
      transactionalId,
      acks: -1,
      timeoutMs: 5000,
      topicData: topics,
    });
    const [{ errorCode }] = responses[0].partitionResponses;
    if (errorCode === 0) this.sequence++;
    return errorCode;
  }

  /** One Produce request with a batch for each of the first partitions: their codes. */
  async produceEach(version: number, batches: readonly Uint8Array[]): Promise<number[]> {
    const partitionData = batches.map((batch, index) => ({ index, records: [batch] }));
    const { responses } = await this.client.ask([produceRequest, produceResponse], version, {
      transactionalId: this.id,
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: this.topic, partitionData }],
    });
    return responses[0].partitionResponses.toSorted((a, b) => a.index - b.index)
      .map(({ errorCode }) => errorCode);
  }

  /** A batch of one record. */
  batch(value: string, more: BatchOptions = {}): Uint8Array {
    const { timestampMs } = this;
    return buildBatch([{ value: new TextEncoder().encode(value), timestampMs }], {
      transactional: true,
      producer: {
        producerId: this.producerId,
        producerEpoch: this.epoch,
        baseSequence: this.sequence,
      },
      ...more,
    });
  }

  /** TxnOffsetCommit. */
  async commitOffset(
    version: number,
    offset: bigint,
    member: { readonly generationId?: number; readonly memberId?: string } = {},
    topic = this.topic,
  ): Promise<number> {
    const { topics } = await this.client.ask(
      [txnOffsetCommitRequest, txnOffsetCommitResponse],
      version,
      {
        transactionalId: this.id,
        groupId: this.group,
        producerId: this.producerId,
        producerEpoch: this.epoch,
        ...member,
        topics: [{
          name: topic,
          partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }],
        }],
      },
    );
    return topics[0].partitions[0].errorCode;
  }

  /** EndTxn. Takes over what it is told. */
  async end(version: number, committed: boolean): Promise<number> {
    const answer = await this.client.ask([endTxnRequest, endTxnResponse], version, {
      transactionalId: this.id,
      producerId: this.producerId,
      producerEpoch: this.epoch,
      committed,
    });
    if (answer.errorCode === 0 && version >= BUMPING_END) this.become(answer);
    return answer.errorCode;
  }

  /** WriteTxnMarkers, as `kafka-transactions abort` sends it. */
  async writeMarker(
    version: number,
    {
      partition = 0,
      commit = false,
      transactionVersion = 0,
      coordinatorEpoch = 0,
      topic = this.topic,
    } = {},
  ): Promise<number> {
    const { markers } = await this.client.ask(
      [writeTxnMarkersRequest, writeTxnMarkersResponse],
      version,
      {
        markers: [{
          producerId: this.producerId,
          producerEpoch: this.epoch,
          transactionResult: commit,
          coordinatorEpoch,
          transactionVersion,
          topics: [{ name: topic, partitionIndexes: [partition] }],
        }],
      },
    );
    return markers[0].topics[0].partitions[0].errorCode;
  }

  /** From now on it is this producer. */
  become({ producerId, producerEpoch }: { producerId: bigint; producerEpoch: number }): void {
    if (producerId !== this.producerId || producerEpoch !== this.epoch) this.sequence = 0;
    this.producerId = producerId;
    this.epoch = producerEpoch;
  }

  /** Another producer with its connection, and the same id, that takes itself for this one. */
  twin(client: WireClient = this.client): WireProducer {
    const twin = new WireProducer(client, this.id, this.topic, this.group);
    twin.become({ producerId: this.producerId, producerEpoch: this.epoch });
    return twin;
  }

  /** The same producer, on the same connection, that writes to another topic. */
  in(topic: string): WireProducer {
    const same = new WireProducer(this.client, this.id, topic, this.group);
    same.become({ producerId: this.producerId, producerEpoch: this.epoch });
    return same;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}

/** Brokers answer in any order. */
function codesOf(
  results: readonly { readonly partitionIndex: number; readonly partitionErrorCode: number }[],
): number[] {
  return results.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
    .map(({ partitionErrorCode }) => partitionErrorCode);
}

const TRANSACTION_KEY = 1;

/** The partitions of `__transaction_state` of a broker that nobody has told otherwise. */
const STATE_PARTITIONS = 50;

/**
 * Makes a transaction hang: its id's coordinator forgets it, once it is started again, as if its records had been lost.
 * Kafka's tools may write to internal topics; so can everybody who says that he is one of them.
 */
export async function loseTransactionalId(
  client: WireClient,
  id: string,
  partitions = STATE_PARTITIONS,
): Promise<void> {
  const batch = buildBatch([transactionTombstone(id)]);
  const draft = produceTo("__transaction_state", coordinatorPartition(id, partitions), batch);
  const { responses } = await client.ask(
    [produceRequest, produceResponse],
    12,
    draft,
    "__admin_client",
  );
  const [{ errorCode }] = responses[0].partitionResponses;
  if (errorCode !== 0) throw new Error(`Cannot write to __transaction_state: error ${errorCode}`);
}

/** FindCoordinator: its error code. Kafka makes the topic of transactional ids when it is asked for the first time. */
export async function findTransactionCoordinator(client: WireClient, id: string): Promise<number> {
  return (await client.ask([findCoordinatorRequest, findCoordinatorResponse], 4, {
    keyType: TRANSACTION_KEY,
    coordinatorKeys: [id],
  })).coordinators[0].errorCode;
}
