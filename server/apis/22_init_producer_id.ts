import { KafkaError } from "../../protocol/errors.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../protocol/messages/22_init_producer_id.ts";
import { defineApi } from "../api.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";

/**
 * InitProducerId: a producer id, for idempotent producing.
 * - v2: flexible
 * - v3: the producer's current id and epoch (KIP-360)
 * - v4: PRODUCER_FENCED may be answered
 * - v5: TRANSACTION_ABORTABLE may be answered
 *
 * With a transactional id it is refused, with a code that no client retries: there are no transactions yet.
 */
export const initProducerId = defineApi({
  name: "InitProducerId",
  key: 22,
  versions: [0, 5],
  note: "Without a transactional id; with one it answers UNSUPPORTED_VERSION.",
  request: initProducerIdRequest,
  response: initProducerIdResponse,

  async handle({ transactionalId, producerId, producerEpoch }, context) {
    if (transactionalId !== null) {
      authorize(context, "Write", "TransactionalId", transactionalId);
      if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
      throw new KafkaError("UNSUPPORTED_VERSION", "There are no transactions yet");
    }
    authorize(context, "IdempotentWrite", "Cluster", CLUSTER);
    if ((producerId === -1n) !== (producerEpoch === -1)) throw new KafkaError("INVALID_REQUEST");
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: await context.producerIds.next(),
      producerEpoch: 0,
    };
  },

  refuse: (_request, { code }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    producerId: -1n,
    producerEpoch: -1,
  }),
});
