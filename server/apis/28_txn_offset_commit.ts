import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import type { OffsetToCommit } from "../../actors/group/messages.ts";
import type { Guard } from "../../actors/transaction/guards.ts";
import { ERROR_CODES, type ErrorName, KafkaError } from "../../protocol/errors.ts";
import {
  type TxnOffsetCommitRequest,
  txnOffsetCommitRequest,
  txnOffsetCommitResponse,
} from "../../protocol/messages/28_txn_offset_commit.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";
import { confirmOne } from "../transactions/confirm.ts";
import { verificationError } from "../transactions/errors.ts";

/** From this version on a client can be told to abort its transaction (KIP-890). */
const ABORTABLE_VERSION = 4;
/** From this version on a commit makes the group's offsets part of the transaction (KIP-890). */
const ADDING_VERSION = 5;

/**
 * TxnOffsetCommit: stores how far a group has read, if the transaction is committed.
 * - v2: leader epochs
 * - v3: flexible; member, generation and static member, who are fenced like in OffsetCommit (KIP-447)
 * - v4: TRANSACTION_ABORTABLE may be answered
 * - v5: makes the group's offsets part of the transaction itself (KIP-890)
 */
export const txnOffsetCommit = defineApi({
  name: "TxnOffsetCommit",
  key: 28,
  versions: [0, 5],
  request: txnOffsetCommitRequest,
  response: txnOffsetCommitResponse,

  async handle(request, context) {
    const { transactionalId, groupId, producerId, producerEpoch } = request;
    authorize(context, "Write", "TransactionalId", transactionalId);
    authorize(context, "Read", "Group", groupId);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    if (groupId === "") throw new KafkaError("INVALID_GROUP_ID");
    const topics = request.topics.map((topic) => ({ topic, ...checked(topic, context) }));
    const coordinator = context.broker.coordinators.group(groupId);
    const outcomes = await coordinator.ask("commitOffsetsInTransaction", {
      groupId,
      generation: request.generationId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      producerId,
      producerEpoch,
      guard: await guardOf(request, context),
      offsets: topics.flatMap(({ offsets }) => offsets),
    });
    let next = 0;
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ topic: { name, partitions }, refusal }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode: codeOf(refusal(partitionIndex) ?? outcomes[next++]),
        })),
      })),
    };
  },

  refuse({ topics }, error, { apiVersion }) {
    const { code } = told(error, apiVersion) as KafkaError;
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
      })),
    };
  },
});

/** What the commit needs that the group's coordinator believes it. */
async function guardOf(
  { groupId, transactionalId, producerId, producerEpoch }: TxnOffsetCommitRequest,
  context: RequestContext,
): Promise<Guard | null> {
  const { coordinators } = context.broker;
  const guard = await coordinators.group(groupId)
    .ask("guardOffsets", { producerId, producerEpoch });
  if (guard === null) return null;
  await confirmOne(
    {
      transactionalId,
      producer: { producerId, epoch: producerEpoch },
      adds: context.apiVersion >= ADDING_VERSION,
      waits: context.apiVersion >= ADDING_VERSION,
    },
    { topic: GROUP_TOPIC, partition: coordinators.groupPartition(groupId) },
    context,
  );
  return guard;
}

/** Clients come again after COORDINATOR_LOAD_IN_PROGRESS, whatever the trouble is. */
function told(error: unknown, apiVersion: number): unknown {
  if (error instanceof KafkaError && error.kind === "NOT_COORDINATOR") return error;
  return verificationError(error, {
    trouble: "COORDINATOR_LOAD_IN_PROGRESS",
    knowsConcurrent: false,
    knowsAbortable: apiVersion >= ABORTABLE_VERSION,
  });
}

/** What of a topic the coordinator is asked to store, and why not the rest. */
function checked(
  { name, partitions }: TxnOffsetCommitRequest["topics"][number],
  context: RequestContext,
): {
  readonly offsets: readonly OffsetToCommit[];
  /** null = none. */
  readonly refusal: (partition: number) => ErrorName | null;
} {
  const topic = context.broker.metadata().topics.get(name);
  if (!isAllowed(context, "Read", "Topic", name)) {
    return { offsets: [], refusal: () => "TOPIC_AUTHORIZATION_FAILED" };
  }
  if (!topic) return { offsets: [], refusal: () => "UNKNOWN_TOPIC_OR_PARTITION" };
  const refusal = (partition: number): ErrorName | null =>
    partition < 0 || partition >= topic.partitionCount ? "UNKNOWN_TOPIC_OR_PARTITION" : null;
  return {
    refusal,
    offsets: partitions
      .filter(({ partitionIndex }) => refusal(partitionIndex) === null)
      .map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
        topic: topic.name,
        topicId: topic.id,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata ?? "",
      })),
  };
}

function codeOf(outcome: ErrorName | null): number {
  return outcome === null ? 0 : ERROR_CODES[outcome].code;
}
