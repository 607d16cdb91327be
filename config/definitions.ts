/**
 * All settings that this broker knows, and their names and types for the compiler.
 *
 * @module
 */
import type { ConfigDefinition } from "./definition.ts";
import { BROKER_GROUPS_DEFINITIONS } from "./definitions/broker_groups.ts";
import { BROKER_LOG_DEFINITIONS } from "./definitions/broker_log.ts";
import { BROKER_NETWORK_DEFINITIONS } from "./definitions/broker_network.ts";
import { BROKER_QUOTAS_DEFINITIONS } from "./definitions/broker_quotas.ts";
import { BROKER_REMOTE_STORAGE_DEFINITIONS } from "./definitions/broker_remote_storage.ts";
import { BROKER_REPLICATION_DEFINITIONS } from "./definitions/broker_replication.ts";
import { BROKER_SECURITY_DEFINITIONS } from "./definitions/broker_security.ts";
import { BROKER_SERVER_DEFINITIONS } from "./definitions/broker_server.ts";
import { BROKER_SHARE_GROUPS_DEFINITIONS } from "./definitions/broker_share_groups.ts";
import { BROKER_STREAMS_GROUPS_DEFINITIONS } from "./definitions/broker_streams_groups.ts";
import { BROKER_TRANSACTIONS_DEFINITIONS } from "./definitions/broker_transactions.ts";
import { TOPIC_DEFINITIONS } from "./definitions/topic.ts";
import { ODRADEK_DEFINITIONS } from "./odradek_definitions.ts";

export { TOPIC_DEFINITIONS };

/** Every setting of a broker: Kafka's and our own. */
export const BROKER_DEFINITIONS = {
  ...BROKER_LOG_DEFINITIONS,
  ...BROKER_GROUPS_DEFINITIONS,
  ...BROKER_SHARE_GROUPS_DEFINITIONS,
  ...BROKER_STREAMS_GROUPS_DEFINITIONS,
  ...BROKER_TRANSACTIONS_DEFINITIONS,
  ...BROKER_QUOTAS_DEFINITIONS,
  ...BROKER_NETWORK_DEFINITIONS,
  ...BROKER_REPLICATION_DEFINITIONS,
  ...BROKER_SERVER_DEFINITIONS,
  ...BROKER_SECURITY_DEFINITIONS,
  ...BROKER_REMOTE_STORAGE_DEFINITIONS,
  ...ODRADEK_DEFINITIONS,
};

/** Name of a broker setting. */
export type BrokerConfigName = keyof typeof BROKER_DEFINITIONS;
/** Name of a topic setting. */
export type TopicConfigName = keyof typeof TOPIC_DEFINITIONS;

type TypeOf<N extends BrokerConfigName> = (typeof BROKER_DEFINITIONS)[N]["type"];

/** The names of the broker settings of certain types. */
export type BrokerConfigOf<T extends ConfigDefinition["type"]> = {
  [N in BrokerConfigName]: TypeOf<N> extends T ? N : never;
}[BrokerConfigName];

/** What reading a setting gives: `V`, or `null` as well when the setting has no default. */
export type MaybeUnset<N extends BrokerConfigName, V> =
  (typeof BROKER_DEFINITIONS)[N]["default"] extends null ? V | null : V;
