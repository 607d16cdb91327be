import type { BrokerConfig } from "../../config/broker_config.ts";
import type { Environment } from "../../environment/environment.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Feed } from "../core/feed.ts";
import type { Self } from "../core/message.ts";
import type { GroupHappening } from "./group_feed.ts";
import type { GroupTable } from "./group_table.ts";

/** Where a coordinator's decisions become durable. What is answered waits until they are; nobody else has to. */
export interface Decisions {
  append(decisions: readonly Decision[]): void;
  appendAll(decisions: Iterable<Decision>): void;
  appendBatch(batch: Uint8Array, apply: () => void, durable?: () => void): void;
  fits(decisions: readonly Decision[]): boolean;
}

/** What the parts of a group coordinator stand on. */
export interface Ground {
  readonly self: Self;
  readonly environment: Environment;
  readonly config: () => BrokerConfig;
  readonly decisions: Decisions;
  readonly groups: GroupTable;
  readonly feed: Feed<GroupHappening>;
  /** The id of the topic of this name, if there is one. */
  readonly topicId: (name: string) => string | undefined;
}
