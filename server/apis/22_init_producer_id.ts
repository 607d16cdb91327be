import { KafkaError } from "../../protocol/errors.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../protocol/messages/22_init_producer_id.ts";
import { defineApi } from "../api.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";
import { fencedIn } from "../transactions/errors.ts";

/** From this version on PRODUCER_FENCED may be answered. */
const FENCED_VERSION = 4;

/**
 * InitProducerId: a producer id, for idempotent producing; with a transactional id, that one's, at a new epoch, and what
 * was open under it is aborted.
 * - v2: flexible
 * - v3: the producer's current id and epoch (KIP-360)
 * - v4: PRODUCER_FENCED may be answered
 * - v5: TRANSACTION_ABORTABLE may be answered
 */
export const initProducerId = defineApi({
  name: "InitProducerId",
  key: 22,
  versions: [0, 5],
  request: initProducerIdRequest,
  response: initProducerIdResponse,

  async handle({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }, context) {
    if (transactionalId !== null) authorize(context, "Write", "TransactionalId", transactionalId);
    else authorize(context, "IdempotentWrite", "Cluster", CLUSTER);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    if ((producerId === -1n) !== (producerEpoch === -1)) throw new KafkaError("INVALID_REQUEST");
    if (transactionalId !== null) {
      const identity = await context.broker.coordinators.transaction(transactionalId).ask("init", {
        transactionalId,
        timeoutMs: transactionTimeoutMs,
        expected: producerId === -1n ? null : { producerId, epoch: producerEpoch },
      });
      return {
        throttleTimeMs: 0,
        errorCode: 0,
        producerId: identity.producerId,
        producerEpoch: identity.epoch,
      };
    }
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: await context.producerIds.next(),
      producerEpoch: 0,
    };
  },

  refuse: (_request, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: fencedIn(error, apiVersion, FENCED_VERSION).code,
    producerId: -1n,
    producerEpoch: -1,
  }),
});
