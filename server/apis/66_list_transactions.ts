import type { TransactionStateName } from "../../actors/transaction/transaction_machine.ts";
import {
  listTransactionsRequest,
  listTransactionsResponse,
} from "../../protocol/messages/66_list_transactions.ts";
import { defineApi } from "../api.ts";
import { isAllowed } from "../security/authorizer.ts";

/** The states that can be asked for. A forgotten id is in none. */
const STATES: ReadonlySet<string> = new Set<TransactionStateName>([
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
  "PrepareEpochFence",
]);

/**
 * ListTransactions: the transactional ids of this broker (KIP-664). An empty filter lets all pass.
 * - v1: those whose transaction has been open for longer than a time
 *
 * v2, with a regular expression, is not served: one that takes for ever must not keep the broker.
 */
export const listTransactions = defineApi({
  name: "ListTransactions",
  key: 66,
  versions: [0, 1],
  request: listTransactionsRequest,
  response: listTransactionsResponse,

  async handle({ stateFilters, producerIdFilters, durationFilter }, context) {
    const lists = await Promise.all(
      context.broker.coordinators.transactions().map((coordinator) => coordinator.ask("list", {})),
    );
    const states = new Set(stateFilters);
    const producerIds = new Set(producerIdFilters);
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      unknownStateFilters: stateFilters.filter((state) => !STATES.has(state)),
      transactionStates: lists.flat().filter(({ transactionalId, producerId, state, openMs }) =>
        (states.size === 0 || states.has(state)) &&
        (producerIds.size === 0 || producerIds.has(producerId)) &&
        (durationFilter < 0n || BigInt(openMs) > durationFilter) &&
        isAllowed(context, "Describe", "TransactionalId", transactionalId)
      ).map(({ transactionalId, producerId, state }) => ({
        transactionalId,
        producerId,
        transactionState: state,
      })),
    };
  },

  refuse: (_request, { code }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    unknownStateFilters: [],
    transactionStates: [],
  }),
});
