/**
 * The places that may touch the outside world directly: they are what an `Environment` or a `Kv` is made of, or what
 * turns real time into virtual time.
 */
export const ADAPTERS: readonly string[] = [
  "environment/deno/",
  "storage/kv/deno/",
  "storage/kv/sqlite/",
  "testing/simulation/macrotask.ts",
  "testing/real_time/",
];

/** What runs in real and in virtual time alike, and so must be deterministic, given its environment. */
export const DETERMINISTIC: readonly string[] = [
  "protocol/",
  "config/",
  "environment/",
  "storage/",
  "actors/",
  "server/",
  "client/",
  "testing/",
];
