import type { Address, Environment } from "../environment/environment.ts";
import { type Dial, parseAddresses } from "./transport.ts";

/** What producers, consumers and admins have in common. Names and defaults are Kafka's, in camelCase. */
export interface ClientOptions {
  /** The world it runs in: clock, timers, random numbers, network, log. */
  readonly environment: Environment;
  /** Where to ask first: `"host:port,host:port"`. Not needed with a `dial` that ignores addresses. */
  readonly bootstrapServers?: string | readonly Address[];
  /** How connections are opened. Default: TCP of the environment. */
  readonly dial?: Dial;
  /** What the broker calls this client in its logs and quotas. Default empty. */
  readonly clientId?: string;
  /** Milliseconds until an answer must be there; a connection that takes longer is closed. Default 30 000. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds for a whole operation with all its retries. Default 60 000. */
  readonly defaultApiTimeoutMs?: number;
  /** Milliseconds before the first retry; doubled each time, ±20 %. Default 100. */
  readonly retryBackoffMs?: number;
  /** Most milliseconds between retries. Default 1000. */
  readonly retryBackoffMaxMs?: number;
  /** Milliseconds before a broker is dialled again; doubled each time, ±20 %. Default 50. */
  readonly reconnectBackoffMs?: number;
  /** Most milliseconds between dials of one broker. Default 1000. */
  readonly reconnectBackoffMaxMs?: number;
  /** Milliseconds until a connection must be open and negotiated. Default 10 000. */
  readonly socketConnectionSetupTimeoutMs?: number;
  /** Milliseconds after which an unused connection is closed. Default 540 000. */
  readonly connectionsMaxIdleMs?: number;
  /** Milliseconds after which the picture of the cluster is refreshed anyway. Default 300 000. */
  readonly metadataMaxAgeMs?: number;
  /** Whether to go back to the bootstrap servers when no known broker can be reached (KIP-899). Default `rebootstrap`. */
  readonly metadataRecoveryStrategy?: "rebootstrap" | "none";
}

type Defaulted = Required<Omit<ClientOptions, "environment" | "bootstrapServers" | "dial">>;

/** Defaults of {@linkcode ClientOptions}. */
export const CLIENT_DEFAULTS: Defaulted = {
  clientId: "",
  requestTimeoutMs: 30_000,
  defaultApiTimeoutMs: 60_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 1000,
  socketConnectionSetupTimeoutMs: 10_000,
  connectionsMaxIdleMs: 540_000,
  metadataMaxAgeMs: 300_000,
  metadataRecoveryStrategy: "rebootstrap",
};

/** {@linkcode ClientOptions} with everything filled in. */
export interface ClientSettings extends Required<Omit<ClientOptions, "bootstrapServers">> {
  readonly bootstrapServers: readonly Address[];
}

/** Stands for a broker that is reached without an address. */
const NO_ADDRESS: Address = { host: "in-process", port: 0 };

/**
 * Fills in the defaults.
 *
 * @throws {TypeError} when there is no way to reach a broker, or an address is none
 * @throws {RangeError} when a number is negative or no whole number
 */
export function clientSettings(options: ClientOptions): ClientSettings {
  const { environment, bootstrapServers = [], dial, ...rest } = options;
  const addresses = typeof bootstrapServers === "string"
    ? parseAddresses(bootstrapServers)
    : bootstrapServers;
  if (addresses.length === 0 && dial === undefined) {
    throw new TypeError("Cannot reach a broker: give bootstrapServers, or a dial of your own");
  }
  return {
    ...withDefaults(CLIENT_DEFAULTS, rest),
    environment,
    dial: dial ?? ((address) => environment.network.dial(address)),
    bootstrapServers: addresses.length > 0 ? addresses : [NO_ADDRESS],
  };
}

/**
 * `defaults`, overwritten by what is given of them.
 *
 * @throws {RangeError} when a number is negative or no whole number
 */
export function withDefaults<T extends object>(
  defaults: T,
  given: { readonly [K in keyof T]?: T[K] | undefined },
): T {
  const settings = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = given[name] as T[typeof name] | undefined;
    if (value === undefined) continue;
    if (typeof value === "number" && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new RangeError(`Cannot use ${name} ${value}: it is not a whole number from 0 on`);
    }
    settings[name] = value;
  }
  return settings;
}
