import type { TransactionListing } from "../../actors/transaction/messages.ts";
import type { TransactionStateName } from "../../actors/transaction/transaction_machine.ts";
import {
  listTransactionsRequest,
  listTransactionsResponse,
} from "../../protocol/messages/66_list_transactions.ts";
import { defineApi } from "../api.ts";
import { isAllowed } from "../security/authorizer.ts";
import { IdFilter } from "../transactions/id_filter.ts";

/** The states that can be asked for. */
const STATES: ReadonlySet<string> = new Set<TransactionStateName>([
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
  "PrepareEpochFence",
  // In which nobody is found: such an id is forgotten.
  "Dead",
]);

/**
 * ListTransactions: the transactional ids of this broker (KIP-664). An empty filter lets all pass.
 * - v1: those whose transaction began longer ago than a time, whether it has ended or not (KIP-994)
 * - v2: those that match a regular expression in RE2's syntax (KIP-1152)
 */
export const listTransactions = defineApi({
  name: "ListTransactions",
  key: 66,
  versions: [0, 2],
  request: listTransactionsRequest,
  response: listTransactionsResponse,

  async handle(request, context) {
    const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request;
    const { coordinators, environment } = context.broker;
    const filter = new IdFilter(transactionalIdPattern, environment);
    const lists = await Promise.all(
      coordinators.transactions().map((coordinator) => coordinator.ask("list", {})),
    );
    const states = new Set(stateFilters);
    const producerIds = new Set(producerIdFilters);
    const nowMs = environment.clock.now();
    const found: TransactionListing[] = [];
    for (const listing of lists.flat()) {
      const { transactionalId, producerId, state, startedMs } = listing;
      if (
        (states.size === 0 || states.has(state)) &&
        (producerIds.size === 0 || producerIds.has(producerId)) &&
        (durationFilter < 0n || BigInt(nowMs - startedMs) > durationFilter) &&
        isAllowed(context, "Describe", "TransactionalId", transactionalId) &&
        await filter.passes(transactionalId)
      ) found.push(listing);
    }
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      unknownStateFilters: stateFilters.filter((state) => !STATES.has(state)),
      transactionStates: found.map(({ transactionalId, producerId, state }) => ({
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
