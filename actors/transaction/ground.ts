import type { BrokerConfig } from "../../config/broker_config.ts";
import type { Environment } from "../../environment/environment.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Feed } from "../core/feed.ts";
import type { Self } from "../core/message.ts";
import type { Markers } from "./markers.ts";
import type { TransactionHappening } from "./transaction_feed.ts";
import type { TransactionTable } from "./transaction_table.ts";

/** Where a coordinator's decisions become durable. */
export interface Decisions {
  append(decisions: readonly Decision[]): void;
  fits(decisions: readonly Decision[], reservedBytes?: number): boolean;
  whenDurable(then: () => void): void;
}

/** What the parts of a transaction coordinator stand on. */
export interface Ground {
  readonly self: Self;
  readonly environment: Environment;
  readonly config: () => BrokerConfig;
  readonly decisions: Decisions;
  readonly transactions: TransactionTable;
  readonly markers: Pick<Markers, "write">;
  readonly feed: Feed<TransactionHappening>;
}
