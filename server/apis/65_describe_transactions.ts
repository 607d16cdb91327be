import { KafkaError } from "../../protocol/errors.ts";
import {
  describeTransactionsRequest,
  describeTransactionsResponse,
} from "../../protocol/messages/65_describe_transactions.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { authorize, isAllowed } from "../security/authorizer.ts";

type Described = Draft<typeof describeTransactionsResponse>["transactionStates"][number];

/** DescribeTransactions: where the transactions of transactional ids stand (KIP-664). */
export const describeTransactions = defineApi({
  name: "DescribeTransactions",
  key: 65,
  versions: [0, 0],
  request: describeTransactionsRequest,
  response: describeTransactionsResponse,

  async handle({ transactionalIds }, context) {
    const described = [...new Set(transactionalIds)].map((id) => describe(id, context));
    return { throttleTimeMs: 0, transactionStates: await Promise.all(described) };
  },

  refuse: ({ transactionalIds }, error) => ({
    throttleTimeMs: 0,
    transactionStates: transactionalIds.map((id) => failed(id, error)),
  }),
});

async function describe(transactionalId: string, context: RequestContext): Promise<Described> {
  try {
    authorize(context, "Describe", "TransactionalId", transactionalId);
    if (transactionalId === "") throw new KafkaError("INVALID_REQUEST");
    const found = await context.broker.coordinators.transaction(transactionalId)
      .ask("describe", { transactionalId });
    if (found === null) throw new KafkaError("TRANSACTIONAL_ID_NOT_FOUND");
    return {
      errorCode: 0,
      transactionalId,
      transactionState: found.state,
      transactionTimeoutMs: found.timeoutMs,
      transactionStartTimeMs: BigInt(found.startedMs),
      producerId: found.producerId,
      producerEpoch: found.epoch,
      topics: found.topics.filter(({ topic }) => isAllowed(context, "Describe", "Topic", topic)),
    };
  } catch (error) {
    return failed(transactionalId, outcomeError(error, "DescribeTransactions", context));
  }
}

function failed(transactionalId: string, { code }: KafkaError): Described {
  return {
    errorCode: code,
    transactionalId,
    transactionState: "",
    transactionTimeoutMs: -1,
    transactionStartTimeMs: -1n,
    producerId: -1n,
    producerEpoch: -1,
    topics: [],
  };
}
