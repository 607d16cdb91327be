/** All scenarios, by the names that `deno task simulate --scenario` knows. */
import { cleaner } from "./cleaner/cleaner.ts";
import { group, groupStorm } from "./group_consumers.ts";
import { produceFetch } from "./produce_fetch.ts";
import type { Scenario } from "./scenario.ts";
import { transactionSweep } from "./transactions/sweep.ts";
import { transactions } from "./transactions/transactions.ts";

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(Object.entries({
  "produce-fetch": produceFetch,
  "cleaner": cleaner,
  "group": group,
  "group-storm": groupStorm,
  "transactions": transactions,
  "transaction-sweep": transactionSweep,
}));

/** The one that runs when none is named. */
export const DEFAULT_SCENARIO = "produce-fetch";
