import type { BrokerConfig } from "../../config/broker_config.ts";
import { canonicalHost, parseHostCounts } from "../../config/host_counts.ts";

/**
 * How many connections a host may have: `max.connections.per.ip.overrides` (`host:count`, separated by commas), else
 * `max.connections.per.ip`.
 */
export function connectionsMaxOf(host: string, config: BrokerConfig): number {
  const others = parseHostCounts(config.string("max.connections.per.ip.overrides"));
  const other = typeof others === "string" ? undefined : others.get(canonicalHost(host));
  return other ?? config.int("max.connections.per.ip");
}
