/**
 * Where to listen and what to tell clients, from the command line or from Kafka's settings.
 *
 * @module
 */
import type { BrokerConfig } from "../config/broker_config.ts";
import type { Address } from "../environment/environment.ts";
import {
  addressText,
  isWildcard,
  type NamedAddress,
  parseAddress,
  parseNamedAddress,
} from "./addresses.ts";
import { UsageError } from "./usage_error.ts";

/** A listener, and what clients are told of it. */
export interface ListenerChoice extends NamedAddress {
  /** Port 0 = the port that the listener gets. Missing: the address that the client has connected to. */
  readonly advertised?: Address;
}

/** What is used when neither the command line nor the settings say anything. */
export const LISTEN_DEFAULT = "127.0.0.1:9092";

/**
 * The listeners to open.
 *
 * @param typed the options `--listen` and `--advertise`; they count before the settings.
 * @throws UsageError when an address is malformed, cannot be dialled, or asks for a protocol other than PLAINTEXT.
 */
export function chooseListeners(
  typed: { readonly listen?: readonly string[]; readonly advertise?: readonly string[] },
  settings: BrokerConfig,
): readonly ListenerChoice[] {
  const listeners = typed.listen?.map((text) => plaintext(parseAddress(text, "--listen"))) ??
    (settings.isSet("listeners")
      ? listenersOf(settings)
      : [plaintext(parseAddress(LISTEN_DEFAULT, "--listen"))]);
  if (listeners.length === 0) throw new UsageError("listeners: there is none for clients");
  const advertisedFor = advertisedBy(typed.advertise, listeners, settings);
  return listeners.map((listener, index) => {
    const { host, port } = advertisedFor(listener, index) ?? listener;
    return isWildcard(host) ? listener : { ...listener, advertised: { host, port } };
  });
}

/** Listeners as Kafka's settings show them. */
export function listenersText(listeners: readonly NamedAddress[]): string {
  return listeners.map((listener) => `${listener.name}://${addressText(listener)}`).join(",");
}

function plaintext(address: Address): NamedAddress {
  return { name: "PLAINTEXT", ...address };
}

/** Those of the settings, without the ones of a KRaft controller. */
function listenersOf(settings: BrokerConfig): readonly NamedAddress[] {
  const protocols = new Map(
    settings.string("listener.security.protocol.map").split(",").map((pair) => {
      const [name, protocol = ""] = pair.split(":");
      return [name.trim().toUpperCase(), protocol.trim().toUpperCase()];
    }),
  );
  const listeners = withoutControllers(settings.list("listeners"), "listeners", settings);
  for (const { name } of listeners) {
    const protocol = protocols.get(name);
    if (protocol === undefined) {
      throw new UsageError(`listeners: listener.security.protocol.map has no protocol for ${name}`);
    }
    if (protocol !== "PLAINTEXT") {
      throw new UsageError(`listeners: ${name} is ${protocol}, and only PLAINTEXT is supported`);
    }
  }
  return listeners;
}

function withoutControllers(
  texts: readonly string[],
  what: string,
  settings: BrokerConfig,
): readonly NamedAddress[] {
  const controllers = (settings.list("controller.listener.names") ?? [])
    .map((name) => name.toUpperCase());
  return texts.map((text) => parseNamedAddress(text, what))
    .filter(({ name }) => !controllers.includes(name));
}

/** What clients are told of a listener other than its own address: by place on the command line, by name in settings. */
function advertisedBy(
  typed: readonly string[] | undefined,
  listeners: readonly NamedAddress[],
  settings: BrokerConfig,
): (listener: NamedAddress, index: number) => Address | undefined {
  if (typed !== undefined) {
    if (typed.length > listeners.length) {
      throw new UsageError(
        `--advertise was given ${typed.length} times, for ${listeners.length} listener(s)`,
      );
    }
    const addresses = typed.map((text) =>
      dialable(parseAddress(text, "--advertise"), "--advertise")
    );
    return (_, index) => addresses[index];
  }
  const what = "advertised.listeners";
  const addresses = withoutControllers(settings.list("advertised.listeners") ?? [], what, settings);
  for (const address of addresses) {
    dialable(address, what);
    if (!listeners.some(({ name }) => name === address.name)) {
      throw new UsageError(`${what}: there is no listener ${address.name}`);
    }
  }
  return ({ name }) => addresses.find((address) => address.name === name);
}

function dialable(address: Address, what: string): Address {
  if (!isWildcard(address.host)) return address;
  throw new UsageError(`${what}: clients cannot connect to ${address.host}, name a real host`);
}
