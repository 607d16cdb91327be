import type { BrokerConfig } from "../../config/broker_config.ts";

/**
 * How many connections a host may have: `max.connections.per.ip.overrides` (`host:count`, separated by commas), else
 * `max.connections.per.ip`.
 */
export function connectionsMaxOf(host: string, config: BrokerConfig): number {
  for (const entry of config.string("max.connections.per.ip.overrides").split(",")) {
    const colon = entry.lastIndexOf(":");
    if (colon > 0 && entry.slice(0, colon).trim() === host) return Number(entry.slice(colon + 1));
  }
  return config.int("max.connections.per.ip");
}
