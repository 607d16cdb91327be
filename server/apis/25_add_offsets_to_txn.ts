import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  addOffsetsToTxnRequest,
  addOffsetsToTxnResponse,
} from "../../protocol/messages/25_add_offsets_to_txn.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";
import { confirmOne } from "../transactions/confirm.ts";
import { fencedIn } from "../transactions/errors.ts";

/** From this version on PRODUCER_FENCED may be answered. */
const FENCED_VERSION = 2;

/**
 * AddOffsetsToTxn: makes the offsets of a group part of a transaction.
 * - v2: PRODUCER_FENCED may be answered
 * - v3: flexible
 * - v4: TRANSACTION_ABORTABLE may be answered
 */
export const addOffsetsToTxn = defineApi({
  name: "AddOffsetsToTxn",
  key: 25,
  versions: [0, 4],
  request: addOffsetsToTxnRequest,
  response: addOffsetsToTxnResponse,

  async handle({ transactionalId, producerId, producerEpoch, groupId }, context) {
    authorize(context, "Write", "TransactionalId", transactionalId);
    authorize(context, "Read", "Group", groupId);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    const { coordinators } = context.broker;
    await coordinators.prepareGroups();
    await confirmOne(
      { transactionalId, producer: { producerId, epoch: producerEpoch }, adds: true },
      { topic: GROUP_TOPIC, partition: coordinators.groupPartition(groupId) },
      context,
    );
    return { throttleTimeMs: 0, errorCode: 0 };
  },

  refuse: (_request, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: fencedIn(error, apiVersion, FENCED_VERSION).code,
  }),
});
