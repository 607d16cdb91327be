import { KafkaError } from "../../protocol/errors.ts";
import { endTxnRequest, endTxnResponse } from "../../protocol/messages/26_end_txn.ts";
import { defineApi } from "../api.ts";
import { authorize } from "../security/authorizer.ts";
import { fencedIn } from "../transactions/errors.ts";

/** From this version on PRODUCER_FENCED may be answered. */
const FENCED_VERSION = 2;
/** From this version on each end gives the producer its next epoch (KIP-890). */
const BUMPING_VERSION = 5;

/**
 * EndTxn: commits or aborts the open transaction of a transactional id. Answered when that is decided for good.
 * - v2: PRODUCER_FENCED may be answered
 * - v3: flexible
 * - v4: TRANSACTION_ABORTABLE may be answered
 * - v5: the answer carries the producer's next id and epoch (KIP-890)
 */
export const endTxn = defineApi({
  name: "EndTxn",
  key: 26,
  versions: [0, 5],
  request: endTxnRequest,
  response: endTxnResponse,

  async handle({ transactionalId, producerId, producerEpoch, committed }, context) {
    authorize(context, "Write", "TransactionalId", transactionalId);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    const next = await context.broker.coordinators.transaction(transactionalId).ask("end", {
      transactionalId,
      producerId,
      epoch: producerEpoch,
      commit: committed,
      bumps: context.apiVersion >= BUMPING_VERSION,
    });
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: next.producerId,
      producerEpoch: next.epoch,
    };
  },

  refuse: (_request, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: fencedIn(error, apiVersion, FENCED_VERSION).code,
  }),
});
