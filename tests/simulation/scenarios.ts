/** All scenarios, by the names that `deno task simulate --scenario` knows. */
import { produceFetch } from "./produce_fetch.ts";
import type { Scenario } from "./scenario.ts";

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(Object.entries({
  "produce-fetch": produceFetch,
}));

/** The one that runs when none is named. */
export const DEFAULT_SCENARIO = "produce-fetch";
