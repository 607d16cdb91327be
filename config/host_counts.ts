/**
 * Numbers by host: `max.connections.per.ip.overrides`.
 *
 * @module
 */

/** What can be a host's name or address; of IPv6 without brackets. (Kafka: `Utils.HOST_PATTERN`.) */
const HOST = /^[0-9a-zA-Z\-%._:]*$/;
const INT_MAX = 2 ** 31;

/**
 * The numbers that a list of `host:number` gives, by {@linkcode canonicalHost}: the last one of a host counts. A string
 * says what is wrong with the list. (Kafka: `Csv.parseCsvMap`, `KafkaConfig.validateValues`.)
 */
export function parseHostCounts(text: string): ReadonlyMap<string, number> | string {
  const counts = new Map<string, number>();
  const entries = text.split(",").map((entry) => entry.trim());
  while (entries.at(-1) === "") entries.pop();
  for (const entry of entries) {
    // What is before the last colon: an address of IPv6 has colons of its own.
    const colon = entry.lastIndexOf(":");
    const number = entry.slice(colon + 1).trim();
    if (colon < 0 || !/^[+-]?\d{1,10}$/.test(number)) {
      return "Every entry must be in the form host:number";
    }
    const count = Number(number);
    if (count >= INT_MAX || count < -INT_MAX) return "Every number must be of type INT";
    const host = entry.slice(0, colon).trim();
    if (!HOST.test(host)) return `It contains the invalid address ${host}`;
    counts.set(canonicalHost(host), count);
  }
  return counts;
}

/** The one form of an address of IPv6 that has many; another host as it is. */
export function canonicalHost(host: string): string {
  const url = host.includes(":") ? URL.parse(`http://[${host}]`) : null;
  return url === null ? host : url.hostname.slice(1, -1);
}
